"""A site that stands still holds up nobody, and takes part again when it moves."""

import os
import signal
import time
import unittest

from support import RunTest


class StalledSite(RunTest):
    stall_s = 10.0
    floor_s = 0.1

    def test_a_stopped_site_neither_slows_nor_stops_the_other_and_comes_back(self):
        job = self.start(3, {"run.steps": 220, "sites.step_floor_s": self.floor_s, "outer.quorum": 1,
                             "outer.interval_steps": 6, "outer.fragments": 3, "eval.every_steps": 0,
                             "checkpoint.every_steps": 0, "outer.dead_after_s": 5.0})
        job.wait_for(lambda job: len(job.metrics("commit")) >= 6, what="commits")
        before = len(job.metrics("step"))
        victim = job.pids()[2]  # ranks: shard 0, site 0, site 1
        begin = job.metrics("step")[-1]["time_s"]
        os.kill(victim, signal.SIGSTOP)
        time.sleep(self.stall_s)
        os.kill(victim, signal.SIGCONT)
        end = job.metrics("step")[-1]["time_s"]
        code, out, err = job.wait()
        self.assertEqual(code, 0, out + err)
        self.assertIn("site 1 has said nothing for 5.0 s; the others go on", err)
        self.assertIn("site 1 is heard again", err)
        self.assertEqual([line["site"] for line in job.metrics("fault")], [1])

        self.assertGreater(before, 0)
        during = lambda line: begin + 0.5 < line["time_s"] < end - 0.5
        survivor = [line for line in job.metrics("step") if line["site"] == 0 and during(line)]
        stopped = [line for line in job.metrics("step") if line["site"] == 1 and during(line)]
        self.assertEqual(stopped, [], "the site was really stopped")
        # Paced steps: the survivor keeps the pace, one step a floor.
        gaps = [b["time_s"] - a["time_s"] for a, b in zip(survivor, survivor[1:])]
        self.assertLess(sorted(gaps)[len(gaps) // 2], 1.25 * self.floor_s)
        self.assertLess(max(gaps), 10 * self.floor_s, "no step waited for the stopped site")

        commits = [line for line in job.metrics("commit") if during(line)]
        self.assertEqual({fragment for line in commits for fragment in [line["fragment"]]}, {0, 1, 2})
        self.assertTrue(all(line["members"] == [0] for line in commits[2:]))

        after = [line for line in job.metrics("commit") if line["time_s"] > end + 0.5]
        self.assertTrue(any(1 in line["members"] for line in after), "the site contributes again")
        first = next(line for line in after if 1 in line["members"])
        self.assertEqual(first["staleness"][first["members"].index(1)], 0, "on top of what it had missed")


if __name__ == "__main__":
    unittest.main()
