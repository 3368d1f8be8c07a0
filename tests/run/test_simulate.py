"""Simulations as their users run them: tables on the console, JSON, errors, and the page of their keys."""

import json
import shutil
import tempfile
import unittest

from support import SOURCE, atoll

GOODPUT = SOURCE / "inputs" / "sim" / "goodput.toml"
FLEET = SOURCE / "inputs" / "sim" / "fleet.toml"
BANDWIDTH = SOURCE / "inputs" / "sim" / "bandwidth.toml"


class Simulate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="atoll-simulate-")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def simulate(self, *arguments, check=True):
        return atoll("simulate", *arguments, cwd=self.folder, check=check)

    def test_goodput_is_printed_and_said_in_json(self):
        quick = ("--set", "goodput.failures=2000")
        out = self.simulate(GOODPUT, *quick).stdout
        self.assertRegex(out, r"M = 16 +99\.\d \(99\)")
        self.assertRegex(out, r"1\d of 20 decoupled cells|20 of 20 decoupled cells")
        self.assertNotIn("\r", out, "no progress bar where no one looks")
        told = json.loads(self.simulate(GOODPUT, *quick, "--json").stdout)
        self.assertEqual(len(told["cells"]), 30)
        self.assertEqual(told["cells"][0]["published"], 0.72)
        again = json.loads(self.simulate(GOODPUT, *quick, "--json").stdout)
        self.assertEqual(told, again, "a seed decides everything")
        other = json.loads(self.simulate(GOODPUT, *quick, "--json", "--set", "fleet.seed=2").stdout)
        self.assertNotEqual(told, other)

    def test_fitted_times_are_told(self):
        out = self.simulate(GOODPUT, "--fit", "--set", "goodput.failures=2000").stdout
        self.assertRegex(out, r"fitted to the 10 data-parallel cells, which it leaves \d\.\d points away")

    def test_bandwidth_is_printed_beside_what_was_published(self):
        self.assertIn("(569, 1.00)", self.simulate(BANDWIDTH).stdout)
        slow = self.simulate(BANDWIDTH, "--set", "bandwidth.highest_gbit_s=100").stdout
        self.assertRegex(slow, r"more \(569\)")
        self.assertIsNone(json.loads(self.simulate(BANDWIDTH, "--json", "--set", "bandwidth.highest_gbit_s=100").stdout)
                          ["cells"][4]["gbit_s"])

    def test_decoupled_fleets_are_printed_and_said_in_json(self):
        quick = ("--set", "decoupled.steps=60", "--set", "decoupled.sites=[2,6]")
        out = self.simulate(FLEET, *quick).stdout
        self.assertRegex(out, r"\n +2 +5\d ")
        self.assertRegex(out, r"\n +6 +5\d ")

        def told(*more):
            fleets = json.loads(self.simulate(FLEET, *quick, "--json", *more).stdout)["fleets"]
            return [{key: value for key, value in fleet.items() if key not in ("core_seconds", "events_per_s")}
                    for fleet in fleets]

        self.assertEqual([fleet["sites"] for fleet in told()], [2, 6])
        self.assertEqual(told(), told(), "a seed decides everything")
        self.assertNotEqual(told(), told("--set", "fleet.seed=2"))
        refused = self.simulate(FLEET, "--set", "decoupled.fragments=25", check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("25 in 24 steps", refused.stderr)

    def test_a_deck_that_simulates_nothing_is_refused(self):
        for arguments, fragment in (((SOURCE / "inputs" / "tiny.toml",), "no section that says what to simulate"),
                                    (("absent.toml",), "absent.toml"),
                                    ((GOODPUT, "--set", "fleet.slcies=2"), "slices")):
            done = self.simulate(*arguments, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(fragment, done.stderr)

    def test_the_page_of_keys_is_that_of_this_program(self):
        page = atoll("schema", "--simulate", "--markdown", cwd=self.folder).stdout
        self.assertEqual(page, (SOURCE / "docs" / "simulate.md").read_text(),
                         "to renew it: atoll schema --simulate --markdown > docs/simulate.md")
        keys = json.loads(atoll("schema", "--simulate", "--json", cwd=self.folder).stdout)
        self.assertTrue(all(key["meaning"] for key in keys))


if __name__ == "__main__":
    unittest.main()
