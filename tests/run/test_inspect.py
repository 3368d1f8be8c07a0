"""atoll inspect: what runs and checkpoints hold, in words and as JSON."""

import json
import unittest

from support import RunTest, atoll


class Inspect(RunTest):
    def inspect(self, path, code=0):
        done = atoll("inspect", path, "--json", cwd=self.folder, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout or "null"), done.stderr

    def test_a_run_and_its_checkpoint(self):
        job = self.finish(3, {"run.steps": 24})
        run, _ = self.inspect("runs/tiny")
        self.assertEqual((run["outcome"], run["exit_code"], run["resumes"]), ("done", 0, 0))
        self.assertEqual([site["site"] for site in run["sites"]], [0, 1])
        self.assertEqual(run["commits"], len(job.metrics("commit")))
        final = job.metrics("eval")[-1]
        self.assertEqual([eval["site"] for eval in run["evals"]], [final["site"]])
        self.assertEqual(run["evals"][0]["last"], {"step": final["step"], "val_loss": final["val_loss"]})

        newest, _ = self.inspect(run["newest_checkpoint"])
        self.assertEqual(newest["model_digest"], final["model_digest"], "the model that was evaluated last")
        self.assertEqual(newest["damage"], [])
        versions = {line["fragment"]: line["version"] for line in job.metrics("commit")}
        self.assertEqual({f["fragment"]: f["version"] for f in newest["fragments"]}, versions)
        self.assertEqual(len({f["digest"] for f in newest["fragments"]}), 4)

        words = atoll("inspect", run["newest_checkpoint"], cwd=self.folder).stdout
        self.assertIn(newest["model_digest"], words)
        self.assertIn("model.width = 64", words)
        self.assertNotIn("model.heads", words, "as the default has it")
        self.assertIn("done, exit code 0", atoll("inspect", "runs/tiny", cwd=self.folder).stdout)

    def test_a_run_without_exchange_has_a_model_too(self):
        job = self.finish(3, {"run.steps": 12, "run.method": "data_parallel"})
        newest, _ = self.inspect(self.inspect("runs/tiny")[0]["newest_checkpoint"])
        self.assertEqual(newest["model_digest"], job.metrics("eval")[-1]["model_digest"])

    def test_damage_is_named(self):
        self.finish(3, {"run.steps": 12})
        folder = sorted((self.folder / "runs/tiny/checkpoints").iterdir())[-1]
        shard = folder / "shard_0.h5"
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
        found, err = self.inspect(folder, code=2)
        self.assertEqual([where for where, what in found["damage"]], [str(shard)])
        self.assertIn("shard_0.h5", err)

    def test_lines_that_a_resume_superseded_do_not_count(self):
        run = self.folder / "runs/made"
        run.mkdir(parents=True)
        (run / "deck.toml").write_text("")
        lines = [{"event": "commit", "members": [0, 1]}, {"event": "checkpoint", "path": "here"},
                 {"event": "commit", "members": [0]}, {"event": "eval", "site": 0, "step": 9, "val_loss": 1.0},
                 {"event": "resume", "checkpoint": "here"}, {"event": "eval", "site": 0, "step": 8, "val_loss": 2.0}]
        torn = '{"event": "com'
        (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n" + torn)
        found, _ = self.inspect("runs/made")
        self.assertEqual((found["commits"], found["contributions"], found["resumes"]), (1, 2, 1))
        self.assertEqual(found["evals"][0]["best"], {"step": 8, "val_loss": 2.0})
        self.assertIsNone(found["outcome"])

    def test_sites_that_evaluate_are_told_apart(self):
        run = self.folder / "runs/made"
        run.mkdir(parents=True)
        (run / "deck.toml").write_text("")
        losses = [(0, 4, 2.0), (1, 4, 1.0), (0, 8, 3.0), (1, 8, 0.5)]
        lines = [{"event": "eval", "site": site, "step": step, "val_loss": loss} for site, step, loss in losses]
        (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
        found, _ = self.inspect("runs/made")
        self.assertEqual(found["evals"], [
            {"site": 0, "last": {"step": 8, "val_loss": 3.0}, "best": {"step": 4, "val_loss": 2.0}},
            {"site": 1, "last": {"step": 8, "val_loss": 0.5}, "best": {"step": 8, "val_loss": 0.5}}])
        words = atoll("inspect", "runs/made", cwd=self.folder).stdout
        self.assertIn("eval 0   validation loss 3.0000 at step 8; best 2.0000 at step 4", words)

    def test_what_lies_in_a_folder_is_listed_and_offered_where_something_is_missing(self):
        self.finish(3, {"run.steps": 12})
        self.assertEqual(self.inspect("runs")[0], ["runs/tiny"])
        sets = self.inspect("runs/tiny/checkpoints")[0]
        self.assertEqual([name.startswith("runs/tiny/checkpoints/step_") for name in sets], [True] * len(sets))
        _, err = self.inspect("runs/tiny/checkpoints/step_00000001", code=2)
        self.assertIn(f"there is no such folder; there are {sets[0]}", err)
        _, err = self.inspect("runs/tyni", code=2)
        self.assertIn("there are runs/tiny", err)

    def test_a_run_that_runs_tells_how_long_it_is_silent(self):
        run = self.folder / "runs/made"
        run.mkdir(parents=True)
        (run / "deck.toml").write_text("")
        (run / "metrics.jsonl").write_text(json.dumps({"event": "step", "site": 1, "step": 7}) + "\n")
        (run / "status.json").write_text(json.dumps({"outcome": "running", "exit_code": 3, "step": 0, "checkpoint": ""}))
        found, _ = self.inspect("runs/made")
        self.assertEqual((found["outcome"], found["exit_code"], found["step"]), ("running", None, 7))
        self.assertIn("running at step 7, or lost", atoll("inspect", "runs/made", cwd=self.folder).stdout)

    def test_what_is_neither_run_nor_checkpoint_is_refused(self):
        done = atoll("inspect", "data", cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("neither a run nor a checkpoint", done.stderr)


if __name__ == "__main__":
    unittest.main()
