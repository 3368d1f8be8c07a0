"""cmake --install: the program runs from its prefix, wherever one stands."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support import TINY, RunTest


class Install(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._prefix = tempfile.TemporaryDirectory(prefix="atoll-prefix-")
        cls.prefix = pathlib.Path(cls._prefix.name)
        subprocess.run(["cmake", "--install", os.environ["ATOLL_BUILD"], "--prefix", cls.prefix], check=True,
                       capture_output=True)

    @classmethod
    def tearDownClass(cls):
        cls._prefix.cleanup()
        super().tearDownClass()

    def installed(self, *arguments):
        clean = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        return subprocess.run([self.prefix / "bin/atoll", *arguments], cwd=self.folder, env=clean, text=True,
                              capture_output=True, timeout=120)

    def test_it_runs_and_trains_from_its_prefix(self):
        info = self.installed("info")
        self.assertEqual(info.returncode, 0, info.stderr)
        self.assertIn("MPI", info.stdout)
        run = self.installed("launch", str(self.prefix / "share/atoll/inputs/tiny.toml"), "--set", "run.steps=12")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_it_needs_no_library_of_the_build_folder(self):
        needed = subprocess.run(["ldd", self.prefix / "bin/atoll"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("not found", needed)
        self.assertNotIn(os.environ["ATOLL_BUILD"], needed)

    def test_decks_modulefiles_and_the_deck_reference_are_there(self):
        self.assertEqual((self.prefix / "share/atoll/inputs/tiny.toml").read_bytes(), pathlib.Path(TINY).read_bytes())
        self.assertTrue(os.access(self.prefix / "share/atoll/slurm/array.sh", os.X_OK))
        pages = self.prefix / "share/doc/atoll"
        for link in re.findall(r"\]\(([^)#:]+\.md)\)", (pages / "README.md").read_text()):
            self.assertTrue((pages / link).exists(), link)
        modules = sorted((self.prefix / "share/atoll/modulefiles/atoll").iterdir())
        self.assertEqual(len(modules), 2)
        for module in modules:
            text = module.read_text()
            self.assertIn(f"{self.prefix}/bin", text)
            self.assertNotRegex(text, r"@\w+@")

    def complete(self, *words):
        script = self.prefix / "share/bash-completion/completions/atoll"
        line = " ".join(f"'{word}'" for word in words)
        ask = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _atoll; echo \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.split()

    def test_the_shell_completes_commands_flags_values_and_deck_keys(self):
        self.assertEqual(self.complete("atoll", "la"), ["launch"])
        self.assertEqual(sorted(self.complete("atoll", "data", "")), sorted(["--help", "inspect", "prepare"]))
        self.assertEqual(self.complete("atoll", "launch", "deck.toml", "--laun"), ["--launcher"])
        self.assertEqual(self.complete("atoll", "launch", "deck.toml", "--launcher", "s"), ["srun"])
        self.assertEqual(self.complete("atoll", "train", "deck.toml", "--set", "outer.qu"), ["outer.quorum="])


if __name__ == "__main__":
    unittest.main()
