"""The commands around a run: each explains itself, and works on a run that was really made."""

import json
import re
import subprocess
import tempfile
import unittest

from support import ATOLL, RunTest, atoll


class QuickCommands(RunTest):
    def test_every_command_has_help_with_an_example(self):
        for command in ([], ["train"], ["eval"], ["generate"], ["data"], ["data", "prepare"], ["data", "inspect"], ["schema"],
                        ["info"], ["export"], ["import"], ["launch"], ["inspect"], ["replay"], ["simulate"]):
            with self.subTest(command=command):
                self.assertIn("Example", atoll(*command, "--help", cwd=self.folder).stdout)

    def test_version_and_info(self):
        self.assertRegex(atoll("--version", cwd=self.folder).stdout, r"^atoll \d+\.\d+\.\d+")
        info = json.loads(atoll("info", "--json", cwd=self.folder).stdout)
        self.assertIn("Open MPI", info["mpi"])
        self.assertRegex(info["blas"], "oneDNN|cuBLASLt")

    def test_schema_gives_every_key_a_meaning(self):
        keys = json.loads(atoll("schema", "--json", cwd=self.folder).stdout)
        self.assertGreater(len(keys), 70)
        self.assertTrue(all(key["meaning"] and key["type"] for key in keys))

    def test_check_tells_layout_and_memory_and_writes_nothing(self):
        from support import TINY

        out = atoll("train", TINY, "--check", cwd=self.folder).stdout
        self.assertRegex(out, r"3 ranks")
        self.assertRegex(out, r"MiB( of the host)? a site rank")
        self.assertFalse((self.folder / "runs").exists())

    def test_a_run_is_evaluated_sampled_and_inspected(self):
        job = self.finish(3, {"run.steps": 30})
        final = [line for line in job.metrics("eval") if line["final"]][0]
        evaluated = json.loads(atoll("eval", "runs/tiny", "--json", "--batches", "2", cwd=self.folder).stdout)
        self.assertAlmostEqual(evaluated["loss"], final["val_loss"], places=5, msg="the checkpoint is the model that was judged")
        self.assertEqual((evaluated["sequences"], evaluated["tokens"]), (8, 8 * 64), "two batches of four sequences")

        one, same, other = (atoll("generate", "runs/tiny", "--tokens", "80", "--seed", seed, cwd=self.folder).stdout
                            for seed in (1, 1, 2))
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)

        inspected = json.loads(atoll("data", "inspect", "data/bytes", "--json", cwd=self.folder).stdout)
        self.assertEqual(len(inspected["files"]), 2)

    def test_a_run_can_be_used_from_another_folder(self):
        atoll("data", "prepare", self._data / "text.txt", "--out", "words", "--vocab", 400, cwd=self.folder)
        job = self.finish(3, {"run.steps": 12, "sites.data": ["words"], "data.tokenizer": "words/tokenizer.model"})
        with tempfile.TemporaryDirectory() as elsewhere:
            self.assertTrue(atoll("generate", job.run, "--tokens", 8, cwd=elsewhere).stdout.strip())
            atoll("eval", job.run, "--data", self.folder / "words", "--batches", 1, cwd=elsewhere)
            done = atoll("eval", job.run, cwd=elsewhere, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("start atoll where the run was started", done.stderr)

    def test_eval_of_a_text_file_counts_its_bytes(self):
        self.finish(3, {"run.steps": 12})
        (self.folder / "mine.txt").write_text("A word, and another word that follows.\n" * 40)
        evaluated = json.loads(atoll("eval", "runs/tiny", "--data", "mine.txt", "--json", cwd=self.folder).stdout)
        self.assertGreater(evaluated["bits_per_byte"], 0.5)

    def test_metrics_lines_have_event_time_and_step_and_logs_exist_for_every_rank(self):
        job = self.finish(3, {"run.steps": 12})
        events = [line["event"] for line in job.metrics()]
        self.assertEqual(events[0], "start")
        self.assertEqual(events[-1], "end")
        self.assertTrue(all({"event", "time_s", "step"} <= line.keys() for line in job.metrics()))
        self.assertEqual(len(list((job.run / "log").iterdir())), 3)
        self.assertEqual(job.status()["outcome"], "done")


if __name__ == "__main__":
    unittest.main()
