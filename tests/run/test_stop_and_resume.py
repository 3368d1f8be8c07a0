"""Runs that are told to stop, and go on later as if nothing had happened."""

import contextlib
import os
import random
import signal
import time
import unittest

from support import RunTest


class StopAndResume(RunTest):
    def final_digest(self, job):
        final = [line for line in job.metrics("eval") if line["final"]]
        self.assertEqual(len(final), 1)
        return final[0]["model_digest"]

    def stop(self, job, step):
        job.wait_for(lambda job: any(line["step"] >= step for line in job.metrics("step")), what=f"step {step}")
        job.process.send_signal(signal.SIGUSR1)
        code, out, err = job.wait()
        self.assertEqual(job.status()["outcome"], "stopped", out + err)
        self.assertEqual(job.status()["exit_code"], 75)
        self.assertEqual(code, 75)

    def test_a_stopped_and_resumed_run_ends_bit_identical_to_one_that_never_stopped(self):
        deck = {"run.method": "data_parallel", "sites.count": 1, "sites.ranks": 2, "run.steps": 120,
                "sites.step_floor_s": 0.03}
        whole = self.finish(3, {**deck, "run.name": "whole"})

        step = random.randint(5, 90)
        self.stop(self.start(3, {**deck, "run.name": "parts"}), step)
        parts = self.finish(3, {**deck, "run.name": "parts"}, resume=True)

        resumed_at = parts.metrics("resume")[0]["step"]
        self.assertGreaterEqual(resumed_at, step)
        self.assertLess(resumed_at, 120, "it stopped before the end")
        self.assertEqual(self.final_digest(parts), self.final_digest(whole), f"stopped at step {resumed_at}")

    def test_synchronous_methods_resume_bit_identical_from_within_an_interval_or_a_round(self):
        """Sites of unequal pace, so that the order to stop finds one waiting for the other now and then."""
        coded = {"outer.codec": "int8", "outer.release_codec": "int4"}
        for method, change in {"diloco": {}, "streaming": {"outer.overlap_steps": 3, **coded}}.items():
            with self.subTest(method):
                deck = {"run.method": method, "run.steps": 96, "sites.ranks": [2, 1], "sites.step_floor_s": 0.02,
                        "outer.interval_steps": 6, "outer.fragments": 3, **change}
                whole = self.finish(4, {**deck, "run.name": f"{method}-whole"})
                self.stop(self.start(4, {**deck, "run.name": f"{method}-parts"}), random.randint(5, 70))
                parts = self.finish(4, {**deck, "run.name": f"{method}-parts"}, resume=True)
                resumed_at = parts.metrics("resume")[0]["step"]
                self.assertLess(resumed_at, 96, "it stopped before the end")
                self.assertEqual(self.final_digest(parts), self.final_digest(whole), f"stopped at step {resumed_at}")

    def test_a_run_that_was_killed_goes_on_from_a_checkpoint_that_nobody_stood_still_for(self):
        """In the synchronous methods its end does not show it, whatever was on its way at the cut."""
        shapes = {"data_parallel": {"sites.count": 1, "sites.ranks": 2}, "diloco": {"outer.codec": "int8"},
                  "streaming": {"outer.overlap_steps": 3, "outer.codec": "int8", "outer.release_codec": "int4"}}
        for method, shape in shapes.items():
            with self.subTest(method):
                deck = {"run.method": method, "run.steps": 96, "sites.step_floor_s": 0.02, "outer.interval_steps": 6,
                        "outer.fragments": 3, "checkpoint.every_steps": 17, **shape}
                whole = self.finish(3, {**deck, "run.name": f"{method}-whole"})
                job = self.start(3, {**deck, "run.name": f"{method}-parts"})
                job.wait_for(lambda job: len(job.metrics("checkpoint")) >= 2, what="two checkpoints")
                job.kill()
                job.process.wait()
                parts = self.finish(3, {**deck, "run.name": f"{method}-parts"}, resume=True)
                self.assertIn(parts.metrics("resume")[0]["step"], range(34, 96))
                self.assertEqual(self.final_digest(parts), self.final_digest(whole))

    def test_a_stop_does_not_wait_for_a_checkpoint_that_a_silent_site_holds_up(self):
        deck = {"run.steps": 100000, "sites.step_floor_s": 0.02, "outer.quorum": 1, "checkpoint.every_steps": 20, "eval.every_steps": 0}
        job = self.start(3, deck)
        job.wait_for(lambda job: len(job.metrics("checkpoint")) >= 1, what="a checkpoint")
        victim = job.pids()[2]  # ranks: shard 0, site 0, site 1
        os.kill(victim, signal.SIGSTOP)
        time.sleep(1.5)  # within this the next one begins
        os.kill(job.pids()[1], signal.SIGUSR1)
        job.wait_for(lambda job: any("the run ends" in line["what"] for line in job.metrics("fault")), what="the end of the checkpoint")
        os.kill(victim, signal.SIGCONT)  # and takes its part of it, too late
        code, out, err = job.wait()
        self.assertEqual(code, 75, out + err)
        again = self.start(3, deck, resume=True)
        again.wait_for(lambda job: job.metrics("resume") and job.metrics()[-1]["event"] == "step", what="steps again")
        self.assertEqual(again.metrics("resume")[0]["step"], again.metrics("checkpoint")[-1]["step"])

    def test_a_decoupled_run_goes_on_where_it_stopped(self):
        deck = {"run.name": "parts", "run.steps": 80, "sites.step_floor_s": 0.03}
        self.stop(self.start(3, deck), 30)
        parts = self.finish(3, deck, resume=True)
        resumed_at = parts.metrics("resume")[0]["step"]
        first_after = [line for line in parts.metrics() if line["event"] in ("resume", "step")]
        after = first_after[first_after.index(parts.metrics("resume")[0]) + 1 :]
        self.assertGreaterEqual(min(line["step"] for line in after), resumed_at - 5)
        self.assertLess(parts.metrics("eval")[-1]["val_loss"], 4.0)
        versions = {}
        for commit in parts.metrics("commit"):
            self.assertEqual(commit["version"], versions.get(commit["fragment"], 0) + 1, "versions go on without a gap")
            versions[commit["fragment"]] = commit["version"]

    def test_a_storm_of_signals_does_no_harm(self):
        """A handler's frame would land in the workspace of a matrix product and corrupt the heap."""
        deck = {"run.steps": 100000, "model.width": 256, "model.ffn_width": 768, "model.context": 128, "inner.batch": 8}
        for attempt in range(3):
            job = self.start(3, {**deck, "run.name": f"storm{attempt}"})
            job.wait_for(lambda job: len(job.metrics("step")) >= 6, what="steps")
            pids = job.pids().values()
            for _ in range(8):
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):  # it may have stopped already
                        os.kill(pid, signal.SIGUSR1)
                time.sleep(0.01)
            code, out, err = job.wait()
            self.assertEqual(code, 75, out + err)
            self.assertEqual(job.status()["outcome"], "stopped")

    def test_checkpoints_come_by_time(self):
        job = self.finish(3, {"run.steps": 80, "sites.step_floor_s": 0.03, "checkpoint.every_steps": 0, "checkpoint.every_s": 0.5})
        self.assertGreaterEqual(len(job.metrics("checkpoint")), 3, "two on the way and the last")

    def test_what_never_saved_starts_again_on_resume(self):
        job = self.start(3, {"run.steps": 100000, "checkpoint.every_steps": 0})
        job.wait_for(lambda job: len(job.metrics("step")) > 4, what="steps")
        job.kill()
        job.process.wait()
        again = self.finish(3, {"run.steps": 12, "checkpoint.every_steps": 0}, resume=True)
        resume = again.metrics("resume")[0]
        self.assertEqual((resume["step"], resume["checkpoint"]), (0, ""))

    def test_a_walltime_limit_ends_in_a_checkpoint(self):
        job = self.start(3, {"run.steps": 100000, "run.walltime_s": 3.0})
        code, out, err = job.wait()
        self.assertEqual(code, 75, out + err)
        self.assertTrue((self.folder / job.status()["checkpoint"] / "manifest.json").exists())

    def test_a_complete_run_has_nothing_to_resume(self):
        self.finish(3, {"run.steps": 12})
        before = (self.folder / "runs/tiny/metrics.jsonl").read_bytes()
        again = self.finish(3, {"run.steps": 12}, resume=True)
        self.assertEqual((again.run / "metrics.jsonl").read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
