"""Faults that the deck asks for: each happens once, is told of, and costs what it should."""

import unittest

from poison import REASONS, deck_with, poisoned, to_earlier_owner, told
from support import RunTest

PACED = {"sites.step_floor_s": [0.05], "eval.every_steps": 0, "checkpoint.every_steps": 0}


class Chaos(RunTest):
    def finish_with(self, faults, ranks, overrides):
        return self.finish(ranks, PACED | overrides, deck=deck_with(self.folder, faults))

    def steps_of(self, job, site):
        return [line for line in job.metrics("step") if line["site"] == site]

    def test_a_site_is_killed_another_stalled_a_third_cut_off_and_slowed(self):
        faults = [{"at_step": 25, "do": "kill", "site": 1}, {"at_step": 20, "do": "stall", "site": 2, "for_s": 1.2},
                  {"at_step": 45, "do": "partition", "site": 0, "for_s": 1.0},
                  {"at_step": 75, "do": "slow", "site": 0, "for_s": 0.6, "factor": 3.0}]
        job = self.finish_with(faults, 4, {"run.steps": 110, "sites.count": 3, "outer.dead_after_s": 0.8})
        done, ended = told(job.run), told(job.run, "chaos_end")
        self.assertEqual(sorted(line["entry"] for line in done), [0, 1, 2, 3], "each once, though site 1 came back")
        self.assertEqual(sorted(line["entry"] for line in ended), [1, 2, 3])
        at = {line["do"]: line for line in done}
        end_s = {line["do"]: line["time_s"] for line in ended}
        self.assertEqual({(line["do"], line["site"], line["step"]) for line in done},
                         {("kill", 1, 25), ("stall", 2, 20), ("partition", 0, 45), ("slow", 0, 75)})

        self.assertTrue(any("site 1 is lost" in line["what"] for line in job.metrics("fault")))
        self.assertEqual([(line["site"], line["incarnation"]) for line in job.metrics("return")], [(1, 2)])

        gaps = [b["time_s"] - a["time_s"] for a, b in zip(self.steps_of(job, 2), self.steps_of(job, 2)[1:])]
        self.assertAlmostEqual(max(gaps), 1.2, delta=0.6, msg="it was really stopped")

        cut = [line for line in job.metrics("commit")
               if at["partition"]["time_s"] + 0.2 < line["time_s"] < end_s["partition"] - 0.05]
        self.assertTrue(cut and all(0 not in line["members"] for line in cut), "nothing of it arrives")
        steps = [line["step"] for line in self.steps_of(job, 0)]
        self.assertEqual(steps, list(range(1, len(steps) + 1)), "it trains on")
        after = [line for line in job.metrics("commit") if line["time_s"] > end_s["partition"] + 0.3]
        self.assertTrue(any(0 in line["members"] for line in after), "and takes part again")

        slow = [line["step_s"] for line in self.steps_of(job, 0)
                if at["slow"]["time_s"] + 0.2 < line["time_s"] < end_s["slow"]]
        self.assertGreater(min(slow), 2.5 * 0.05)
        self.assertEqual(job.status()["outcome"], "done")

    def test_control_is_not_held_up_by_payloads(self):
        job = self.finish(3, PACED | {"run.steps": 60, "outer.dead_after_s": 3.0, "outer.quorum": 2, "link.bandwidth_mbit_s": 2.0, "link.delay_ms": 20.0})
        commits = job.metrics("commit")
        self.assertGreater(min(line["wait_s"] for line in commits), 0.5, "payloads are slow: half a second each")
        self.assertTrue(all(line["members"] == [0, 1] for line in commits), "yet no site passes for dead")
        shard_s, late_s = 0.0, []
        for line in job.metrics():  # in the order in which the shard heard of it
            if line["event"] == "commit":
                shard_s = line["time_s"]
            elif line["event"] == "step":
                late_s.append(shard_s - line["time_s"])
        self.assertLess(max(late_s), 0.4, "a site's word is not behind its payloads")
        for site in (0, 1):
            times = [line["time_s"] for line in self.steps_of(job, site)]
            self.assertLess(max(b - a for a, b in zip(times, times[1:])), 0.4, "no step waits for the link")

    def test_spoilt_contributions_are_refused_and_a_replay_without_them_is_the_same_to_the_bit(self):
        hows = ["bit", "nan", "norm", "stale", "foreign", "replay"]
        found = poisoned(self.folder, "poisoned", hows)
        self.assertCountEqual(found["done"], hows)  # of two sites: on a busy machine one may be heard of late
        self.assertEqual(found["refused"], {REASONS[how]: 1 for how in hows})
        self.assertTrue(found["digests_equal"], found["replay"])
        self.assertGreater(found["commits"], 40)

    def test_a_shard_is_killed_and_what_is_meant_for_it_is_refused_by_its_successor(self):
        found = to_earlier_owner(self.folder, "old_term", times=1)
        self.assertEqual((found["done"], found["refused"]), (["term"], {"old_term": 1}))
        self.assertTrue(found["digests_equal"], found["replay"])


if __name__ == "__main__":
    unittest.main()
