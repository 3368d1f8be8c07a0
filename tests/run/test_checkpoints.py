"""Checkpoints when something goes wrong: jobs killed amid one, files that were damaged, disks that are full or gone."""

import contextlib
import os
import random
import signal
import subprocess
import time
import unittest

from support import RunTest, atoll

PACED = {"sites.step_floor_s": 0.02, "eval.every_steps": 0}


@contextlib.contextmanager
def small_disk(folder, kib):
    """A file system of so many KiB in place of `folder`; only root may make one."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise unittest.SkipTest(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class Checkpoints(RunTest):
    def sets(self):
        return sorted((self.folder / "runs/tiny/checkpoints").glob("step_*"))

    def newest_complete(self):
        return [folder for folder in self.sets() if (folder / "manifest.json").exists()][-1]

    def kill_amid_a_checkpoint(self, job, draw):
        """All of its processes at once, some moments after a set was begun."""
        job.wait_for(lambda job: job.metrics("checkpoint"), what="a checkpoint")
        begun = set(self.sets())
        job.wait_for(lambda job: set(self.sets()) - begun, what="the beginning of another")
        time.sleep(draw.uniform(0.0, 0.015))
        for pid in job.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        job.process.wait()
        return self.newest_complete()

    def test_a_job_that_is_killed_amid_a_checkpoint_goes_on_from_a_complete_one(self):
        deck = {**PACED, "run.steps": 100000, "sites.ranks": [2, 1], "inner.shard_optimizer": True, "syncer.ranks": 2,
                "checkpoint.every_steps": 5, "checkpoint.keep": 1}
        draw = random.Random(os.urandom(8))
        amid = 0
        for attempt in range(4):
            job = self.start(5, deck, resume=attempt > 0)
            goes_on_from = self.kill_amid_a_checkpoint(job, draw)
            amid += self.sets()[-1] != goes_on_from
            again = self.start(5, deck, resume=True)
            again.wait_for(lambda job: len(job.metrics("resume")) == 2 * attempt + 1, what="the resume")
            self.assertEqual(again.metrics("resume")[-1]["checkpoint"], str(goes_on_from.relative_to(self.folder)))
            again.wait_for(lambda job: job.metrics()[-1]["event"] == "step", what="steps")
            again.kill()
            again.process.wait()
        self.assertGreater(amid, 0, "no kill left an unfinished checkpoint")

    def test_damaged_checkpoints_are_named_and_the_newest_sound_one_taken(self):
        deck = {**PACED, "run.steps": 100, "checkpoint.every_steps": 20, "checkpoint.keep": 9}
        self.finish(3, deck)
        truncated, flipped, halved, torn, sound = self.sets()[-1:-6:-1]
        os.truncate(truncated / "site_0.h5", 100)
        shard = bytearray((flipped / "shard_0.h5").read_bytes())
        shard[len(shard) // 2] ^= 1
        (flipped / "shard_0.h5").write_bytes(shard)
        (halved / "site_1.h5").unlink()
        os.truncate(torn / "manifest.json", 200)
        judged = atoll("eval", "runs/tiny", cwd=self.folder, check=False)
        self.assertIn(f"passed over: runs/tiny/checkpoints/{truncated.name}/site_0.h5: has 100 bytes", judged.stderr)
        self.assertEqual(judged.returncode, 2, "the next that is whole by its sizes is not, either")

        job = self.start(3, {**deck, "run.steps": 120}, resume=True)
        code, _, err = job.wait()
        self.assertEqual(code, 0, err)
        for what in (f"{truncated.name}/site_0.h5: has 100 bytes, ", f"{flipped.name}/shard_0.h5: has digest ",
                     f"{halved.name}/site_1.h5: the file is missing", f"{torn.name}/manifest.json: is torn",
                     f"the run goes on from {sound.relative_to(self.folder)}\n"):
            self.assertIn(what, err)
        self.assertEqual(job.metrics("resume")[0]["checkpoint"], str(sound.relative_to(self.folder)))

    def test_a_folder_that_takes_no_checkpoints_is_told_of_and_trained_without(self):
        deck = {**PACED, "run.steps": 100000, "checkpoint.every_steps": 20}
        job = self.start(3, deck)
        job.wait_for(lambda job: job.metrics("checkpoint"), what="a checkpoint")
        last = job.status()["checkpoint"]
        folder = job.run / "checkpoints"
        away = self.folder / "away"
        folder.rename(away)
        folder.touch()  # no folder any more, but a file: that binds root too
        job.wait_for(lambda job: len(job.metrics("fault")) >= 2, what="two failures")
        status = job.status()
        self.assertEqual((status["outcome"], status["checkpoint"]), ("running", last))
        self.assertIn("Not a directory", status["checkpoint_failure"])
        steps = len(job.metrics("step"))
        job.wait_for(lambda job: len(job.metrics("step")) > steps, what="steps after a failure")

        folder.unlink()
        away.rename(folder)
        written = len(job.metrics("checkpoint"))
        job.wait_for(lambda job: len(job.metrics("checkpoint")) > written, what="a checkpoint, now that there is a folder again")
        job.wait_for(lambda job: job.status()["checkpoint_failure"] == "", what="a status without the failure")
        job.process.send_signal(signal.SIGUSR1)
        code, _, err = job.wait()
        self.assertEqual(code, 75)
        self.assertEqual(err.count("warning: no checkpoint at step"), len(job.metrics("fault")), err)

        folder.rename(self.folder / "elsewhere")
        code, _, err = self.start(3, deck, resume=True).wait()
        self.assertEqual(code, 2, "a run that was far is not begun again in silence")
        self.assertIn("checkpoints: is not there, and the run had saved runs/tiny/checkpoints/step_", err)

    def test_a_full_disk_is_told_of_and_a_last_state_that_was_not_saved_is_a_failure(self):
        deck = {**PACED, "run.steps": 120, "checkpoint.every_steps": 20, "checkpoint.keep": 2}
        with small_disk(self.folder / "runs/tiny/checkpoints", kib=64):
            job = self.start(3, deck, resume=True)
            code, _, err = job.wait()
            self.assertEqual(code, 3, err)
            status = job.status()
            self.assertEqual((status["outcome"], status["exit_code"], status["checkpoint"]), ("failed", 3, ""))
            self.assertIn("No space left on device", status["checkpoint_failure"])
            self.assertIn("error: the last state could not be saved", err)
            self.assertGreaterEqual(len(job.metrics("fault")), 3)
            self.assertGreaterEqual(job.metrics("step")[-1]["step"], 120)
            self.assertLess(sum(file.stat().st_size for file in (job.run / "checkpoints").rglob("*")), 65536)


if __name__ == "__main__":
    unittest.main()
