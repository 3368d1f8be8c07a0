"""A storm of each kind. scripts/storm.sh runs more."""

import unittest

import storms
from support import RunTest


class Storm(RunTest):
    def test_whatever_is_killed_the_run_reaches_its_end_with_one_model(self):
        for number, kind in enumerate(storms.KINDS):
            with self.subTest(kind):
                self.assertEqual(storms.weather(self.folder, f"storm_{number}", number)["wrong"], "")


if __name__ == "__main__":
    unittest.main()
