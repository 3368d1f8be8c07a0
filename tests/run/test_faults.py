"""Real processes, killed by real signals: who was not hit goes on, and who was comes back."""

import os
import signal
import time
import unittest

from support import RunTest, atoll

PACED = {"sites.step_floor_s": [0.05], "eval.every_steps": 0, "checkpoint.every_steps": 40}


class Faults(RunTest):
    def kill(self, job, rank, after_steps=40):
        """Kills a rank of the world once the run is so far. Returns its process id."""
        self.steps(job, after_steps)
        pid = job.pids()[rank]
        os.kill(pid, signal.SIGKILL)
        return pid

    def steps(self, job, step):
        job.wait_for(lambda job: any(line["step"] >= step for line in job.metrics("step")), what=f"step {step}")

    def end(self, job, expected=0):
        code, out, err = job.wait(90)
        self.assertEqual(code, expected, f"{out}\n{err}")
        return err

    def check_versions(self, job, excused=0):
        """One after the other. The last word of a lost shard on a fragment may be lost, or be of a commit that its heir makes anew."""
        versions = {}
        for line in job.metrics("commit"):
            versions.setdefault(line["fragment"], []).append(line["version"])
        for fragment, seen in versions.items():
            self.assertEqual(seen, sorted(seen), f"fragment {fragment}")
            self.assertLessEqual(len(seen) - len(set(seen)), excused, f"fragment {fragment}: {seen}")
            self.assertLessEqual(seen[-1] - len(set(seen)), excused, f"fragment {fragment}: {seen}")

    def lines_of(self, job, site, event="step"):
        return [line for line in job.metrics(event) if line.get("site") == site]

    def test_a_killed_site_comes_back_and_the_others_do_not_notice(self):
        job = self.start(4, {"run.steps": 120, "sites.count": 3, **PACED})
        self.kill(job, rank=2)
        job.wait_for(lambda job: job.metrics("return"), what="its return")
        self.end(job)
        fault, back = job.metrics("fault")[0], job.metrics("return")[0]
        self.assertEqual((back["site"], back["incarnation"]), (1, 2))
        self.assertIn("site 1 is lost", fault["what"])
        self.assertGreater(self.lines_of(job, 1)[-1]["step"], 90, "it trains to the end")
        for site in (0, 2):
            steps = [line["step"] for line in self.lines_of(job, site)]
            self.assertEqual(steps, list(range(1, len(steps) + 1)), "not a step was lost")
            near = [line["step_s"] for line in self.lines_of(job, site) if abs(line["time_s"] - fault["time_s"]) < 0.5]
            self.assertLess(sorted(near)[len(near) // 2], 0.5, "nor were they held up")
        late = [line for line in job.metrics("commit") if line["time_s"] > back["time_s"] + 2]
        self.assertTrue(any(1 in line["members"] for line in late), "it takes part again")
        self.check_versions(job)

    def test_who_comes_back_can_be_killed_again_and_a_second_site_with_it(self):
        job = self.start(4, {"run.steps": 150, "sites.count": 3, **PACED})
        self.kill(job, rank=2, after_steps=25)
        job.wait_for(lambda job: len(job.metrics("return")) == 1, what="the first return")
        self.assertEqual(len(job.recruits()), 1)
        os.kill(job.recruits()[0], signal.SIGKILL)
        self.kill(job, rank=1, after_steps=0)
        job.wait_for(lambda job: len(job.metrics("return")) == 3, what="two more returns")
        self.end(job)
        self.assertEqual([(line["site"], line["incarnation"]) for line in
                          sorted(job.metrics("return"), key=lambda line: (line["site"], line["incarnation"]))],
                         [(0, 2), (1, 2), (1, 3)])
        self.check_versions(job)

    def test_a_rank_of_a_site_is_killed_and_the_site_is_repaired(self):
        for repair, rank, ranks in (("site", 2, 2), ("spawn", 1, 2), ("spare", 2, 2), ("shrink", 2, 1), ("shrink", 1, 1)):
            with self.subTest(repair=repair, rank=rank):
                name = f"{repair}_{rank}"
                spares = 1 if repair == "spare" else 0
                job = self.start(4 + spares, {"run.name": name, "run.steps": 110, "sites.count": 2, "sites.ranks": [2, 1],
                                     "sites.repair": repair, "sites.spares": spares, **PACED})
                self.kill(job, rank=rank)
                self.end(job)
                log = "".join(path.read_text() for path in (job.run / "log").glob("site_0*"))
                self.assertRegex(log, f"{ranks} ranks( of site 0 are left|\n)")
                self.assertGreater(self.lines_of(job, 0)[-1]["step"], 80, "it trains on, killed at 40 or so")
                steps = [line["step"] for line in self.lines_of(job, 1)]
                self.assertEqual(steps, list(range(1, len(steps) + 1)))
                self.check_versions(job)
                self.assertEqual(len(job.metrics("checkpoint")), 3, "of steps 40, 80 and the last")

    def test_a_killed_shards_fragments_go_to_its_backup(self):
        job = self.start(4, {"run.steps": 120, "syncer.ranks": 2, "syncer.replicas": 1, **PACED})
        self.kill(job, rank=1)
        self.end(job)
        self.check_versions(job, excused=1)
        lost = [line for line in job.metrics("fault") if "shard 1" in line["what"]][0]
        after = {line["fragment"] for line in job.metrics("commit") if line["time_s"] > lost["time_s"] + 0.5}
        self.assertEqual(after, {0, 1, 2, 3}, "all fragments go on")
        job = self.start(4, {"run.steps": 160, "syncer.ranks": 2, "syncer.replicas": 1, **PACED}, resume=True)
        self.end(job)
        lines = job.metrics()
        resumed = max(i for i, line in enumerate(lines) if line["event"] == "resume")
        soon = {line["fragment"] for line in lines[resumed:] if line["event"] == "commit" and line["step"] < 150}
        self.assertEqual(soon, {0, 1, 2, 3}, "and after a resume from the first round on")

    def test_a_site_that_loses_a_rank_after_a_shard_was_lost_returns(self):
        job = self.start(6, {"run.steps": 110, "sites.ranks": [2], "syncer.ranks": 2, "syncer.replicas": 1, **PACED})
        self.kill(job, rank=1, after_steps=25)
        self.kill(job, rank=5, after_steps=50)
        job.wait_for(lambda job: job.metrics("return"), what="its return")
        self.end(job)
        self.assertGreater(self.lines_of(job, 1)[-1]["step"], 80)
        self.check_versions(job, excused=1)

    def test_without_a_backup_a_killed_shard_ends_the_run_which_can_be_resumed(self):
        deck = {"run.steps": 160, "syncer.ranks": 2, **PACED}
        for rank in (1, 0):
            with self.subTest(shard=rank):
                name = {"run.name": f"shard_{rank}"}
                job = self.start(4, deck | name)
                self.kill(job, rank=rank, after_steps=60)
                self.end(job, expected=75)
                job = self.start(4, deck | name, resume=True)
                self.end(job)
                self.assertEqual(job.status()["outcome"], "done")

    def test_a_method_that_needs_every_rank_ends_and_can_be_resumed(self):
        for method, rank in (("data_parallel", 2), ("data_parallel", 1), ("diloco", 2), ("streaming", 3)):
            with self.subTest(method=method, rank=rank):
                deck = {"run.name": f"{method}_{rank}", "run.method": method, "run.steps": 90, "sites.count": 2,
                        "sites.ranks": [2, 1], "sites.repair": "shrink", **PACED}
                job = self.start(4, deck)
                job.wait_for(lambda job: job.metrics("checkpoint"), what="a checkpoint")
                os.kill(job.pids()[rank], signal.SIGKILL)
                self.end(job, expected=75)
                job = self.start(4, deck, resume=True)
                self.end(job)
                self.assertEqual(job.status()["outcome"], "done")
                self.assertEqual(job.metrics("return"), [])

    def test_a_site_that_comes_back_as_the_run_ends_is_told_to_leave(self):
        for others_have_rested in (False, True):
            with self.subTest(others_have_rested=others_have_rested):
                job = self.start(4, {"run.name": f"late_{others_have_rested}", "run.steps": 60, "sites.count": 3, **PACED})
                self.kill(job, rank=3, after_steps=30)
                job.wait_for(lambda job: job.recruits(), what="the process in its place")
                late, held_up = job.recruits()[0], job.pids()[2]
                os.kill(late, signal.SIGSTOP)
                self.steps(job, 55)
                if not others_have_rested:
                    os.kill(held_up, signal.SIGSTOP)
                self.steps(job, 60)
                time.sleep(0.5)
                os.kill(late, signal.SIGCONT)
                if not others_have_rested:
                    time.sleep(0.5)
                    os.kill(held_up, signal.SIGCONT)
                self.end(job)
                self.assertEqual(job.status()["outcome"], "done")
                ends = {line["site"] for line in job.metrics("site_end")}
                self.assertLessEqual({0, 1}, ends)  # and 2, where it was taken in before it was stopped
                self.assertEqual(len({line["model"] for line in job.metrics("site_end")}), 1)
                self.assertLess(max(line["step"] for line in job.metrics("step")), 80, "nobody trains beyond the end")
                atoll("inspect", job.status()["checkpoint"], cwd=job.folder)

    def test_a_job_that_lost_a_site_can_be_stopped_and_resumed(self):
        job = self.start(4, {"run.steps": 400, "sites.count": 3, **PACED})
        self.kill(job, rank=1)
        job.wait_for(lambda job: job.metrics("return"), what="its return")
        os.kill(job.pids()[0], signal.SIGUSR1)
        self.end(job, expected=75)
        job = self.start(4, {"run.steps": 120, "sites.count": 3, **PACED}, resume=True)
        self.end(job)
        self.assertEqual(job.status()["outcome"], "done")


if __name__ == "__main__":
    unittest.main()
