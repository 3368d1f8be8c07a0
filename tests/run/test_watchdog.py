"""A process that stands still is named by those who wait for it, with the call they wait in and where it stands in the code."""

import os
import signal
import unittest

from support import RunTest

PACED = {"sites.step_floor_s": [0.05], "eval.every_steps": 0}


class Watchdog(RunTest):
    def stop(self, job, rank, after_steps=20):
        job.wait_for(lambda job: any(line["step"] >= after_steps for line in job.metrics("step")), what=f"step {after_steps}")
        pid = job.pids()[rank]
        os.kill(pid, signal.SIGSTOP)
        return pid

    def test_a_rank_that_stands_still_is_named_and_the_other_site_goes_on(self):
        job = self.start(4, {"run.steps": 100, "sites.ranks": [2, 1], "run.watchdog_s": 2.0, **PACED})
        pid = self.stop(job, rank=2)
        log = job.run / "log" / "site_0_rank_0.log"
        job.wait_for(lambda job: "it stands in" in log.read_text(), what="the word of the watchdog")
        told = log.read_text()
        self.assertRegex(told, r"\[site_0_rank_0\] waits in the .*: MPI_\w+.* for 2\.\d s; rank 1 does not answer")
        self.assertIn("atl::train::SiteRun::run", told)
        steps = lambda job: max(line["step"] for line in job.metrics("step") if line["site"] == 1)
        before = steps(job)
        job.wait_for(lambda job: steps(job) > before + 5, what="steps of the other site")
        os.kill(pid, signal.SIGCONT)
        code, out, err = job.wait(60)
        self.assertEqual(code, 0, err)
        self.assertIn("rank 1 does not answer", err)

    def test_where_nobody_can_go_on_without_it_the_run_ends_with_exit_code_4(self):
        job = self.start(3, {"run.method": "data_parallel", "run.steps": 200, "run.watchdog_s": 2.0, **PACED}, launched=True)
        self.stop(job, rank=2)
        code, out, err = job.wait(30)
        self.assertEqual(code, 4, err)
        self.assertEqual(job.status()["exit_code"], 4)
        self.assertIn("no site has taken a step for 4 s", err)
        self.assertIn("rank 1 does not answer", err)


if __name__ == "__main__":
    unittest.main()
