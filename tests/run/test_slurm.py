"""Under a real Slurm: jobs stop in time with a checkpoint, return to the queue, resume by themselves and complete."""

import json
import os
import time
import unittest

from slurm_cluster import SlurmCluster, reason_to_skip
from support import ATOLL, SOURCE, TINY, RunTest, atoll

SCRIPTS = SOURCE / "scripts" / "slurm"
PACED = ("--set", "sites.step_floor_s=0.1")


@unittest.skipIf(reason_to_skip(), reason_to_skip())
class Slurm(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["ATOLL"] = ATOLL  # for the scripts
        cls.slurm = SlurmCluster()
        cls.addClassCleanup(cls.slurm.stop)
        cls.submit_long_jobs()

    @classmethod
    def submit_long_jobs(cls):
        """Slurm looks at time limits every 30 s, so these run while other tests do. The first is 4 ranks on both nodes,
        warned as soon as Slurm looks."""
        deck = (*PACED, "--set", "run.name=limited", "--set", "sites.ranks=[1, 2]", "--set", "run.steps=330")
        script = cls._data / "limited.sh"
        script.write_text(atoll("launch", TINY, "--sbatch", *deck, cwd=cls._data).stdout)
        short = ("--time=1", "--signal=B:USR1@50", "--nodes=2", "--ntasks-per-node=2")
        cls.limited = cls.slurm.submit(*short, script, cwd=cls._data)
        # As newer Slurms than Debian 12's tell it. The margin leaves ten seconds.
        deck = (*PACED, "--set", "run.walltime_margin_s=110", "--set", "run.steps=150")
        cls.array = cls.slurm.submit("--array=1-2", "--time=2", "--signal=B:USR1@1", SCRIPTS / "array.sh", TINY, *deck,
                                     cwd=cls._data, SLURM_JOB_END_TIME=int(time.time()) + 120)

    def wait_for(self, condition, what, job):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                logs = "".join(log.read_text(errors="replace")[-3000:] for log in self._data.glob("*.log"))
                self.fail(f"waited in vain for {what}: {self.slurm.records(job)}\n{logs}")
            time.sleep(0.2)

    def wait_until_over(self, job, components=1):
        """Until no task of the job is left in the queue; returns what Slurm knows of them."""

        def is_over():
            # Slurm looks for heterogeneous jobs to start where something has changed, and that a time has come is no change.
            self.slurm.call("scontrol", "update", f"JobId={job}", "Comment=look", check=False)
            states = [record["JobState"] for record in self.slurm.records(job)]
            return len(states) == components and not {"PENDING", "RUNNING", "COMPLETING"} & set(states)

        self.wait_for(is_over, "the end", job)
        return self.slurm.records(job)

    def wait_for_a_step(self, name, job):
        self.wait_for(lambda: self.metrics(name, "step"), "a step", job)

    def metrics(self, name, event):
        file = self._data / "runs" / name / "metrics.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in map(json.loads, (line for line in lines if line.endswith("}"))) if line["event"] == event]

    def outcome(self, name):
        return json.loads((self._data / "runs" / name / "status.json").read_text())["outcome"]

    def check_two_lives(self, name, records, log):
        """The run was interrupted once, and completed."""
        for record in records:
            self.assertEqual((record["JobState"], record["Restarts"]), ("COMPLETED", "1"), record)
        self.assertEqual(self.outcome(name), "done")
        self.assertEqual(len(self.metrics(name, "start")), 1)
        resume, = self.metrics(name, "resume")
        self.assertGreater(resume["step"], 0)
        text = (self._data / log).read_text(errors="replace")
        self.assertIn(f"resumed from step {resume['step']}", text)
        return text

    def test_a_job_that_is_cancelled_with_a_checkpoint_does_not_return_to_the_queue(self):
        job = self.slurm.submit(SCRIPTS / "one_allocation.sh", TINY, *PACED, "--set", "run.name=cancelled", "--set", "run.steps=100000",
                                cwd=self._data)
        self.wait_for_a_step("cancelled", job)
        self.slurm.call("scancel", "--batch", "--signal=TERM", job)
        record, = self.wait_until_over(job)
        self.assertEqual((record["ExitCode"], record["Restarts"]), ("75:0", "0"))
        self.assertEqual(self.outcome("cancelled"), "stopped")

    def test_sites_and_syncer_are_components_of_a_heterogeneous_job(self):
        deck = (*PACED, "--set", "run.name=heterogeneous", "--set", "sites.ranks=2", "--set", "run.steps=60")
        job = self.slurm.submit(SCRIPTS / "heterogeneous.sh", TINY, *deck, cwd=self._data)
        self.wait_for_a_step("heterogeneous", job)
        syncer, sites = self.slurm.records(job)
        self.assertEqual((syncer["NodeList"], sites["NodeList"]), ("reef1", "reef2"))
        self.slurm.call("scancel", "--batch", "--signal=USR1", job)
        records = self.wait_until_over(job, components=2)
        self.check_two_lives("heterogeneous", records, f"atoll.{job}.log")

    def test_tasks_of_an_array_each_stop_by_the_end_of_their_job_and_go_on(self):
        records = self.wait_until_over(self.array, components=2)
        for record in records:
            task = record["ArrayTaskId"]
            text = self.check_two_lives(f"atoll-{task}", [record], f"atoll.{self.array}_{task}.log")
            self.assertNotIn("stopping with a checkpoint", text, "by itself")

    def test_the_limit_of_its_time_stops_a_job_which_goes_on_in_the_next(self):
        records = self.wait_until_over(self.limited)
        text = self.check_two_lives("limited", records, f"limited.{self.limited}.log")
        self.assertIn("stopping with a checkpoint", text, "by the signal")


if __name__ == "__main__":
    unittest.main(verbosity=2)  # why it was skipped
