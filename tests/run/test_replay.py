"""A run whose sites were stopped and started at random is executed again, under other stalls, bit by bit."""

import os
import signal
import unittest

import cuts
import storms
from stalls import DECK, LAYOUTS, RANKS, ledger, replay, train_stalled
from support import RunTest, atoll


class Replay(RunTest):
    def equal_replay(self, name, **how):
        code, found = replay(self.folder, name, **how)
        self.assertEqual(code, 0, found)
        self.assertTrue(found["equal"])
        self.assertEqual(found["changes"], [])
        return found["lives"]

    def files(self, name):
        return {path: path.stat().st_mtime_ns for path in (self.folder / "runs" / name).rglob("*")}

    def test_two_stalled_runs_differ_and_each_replays_to_the_bit(self):
        layout = LAYOUTS["3 sites, rebase"]
        made = []
        for seed in (1, 2):
            name = f"run_{seed}"
            self.assertGreater(train_stalled(self.folder, name, layout, seed), 3)
            before = self.files(name)
            life, = self.equal_replay(name, seed=seed + 100)
            self.assertEqual(before, self.files(name), "a replay writes nothing")
            self.assertEqual((life["commits"], life["boundaries"]), (life["taped_commits"], life["taped_boundaries"]))
            self.assertGreater(life["commits"], 30)
            books = ledger(self.folder, name)
            self.assertTrue(books["sound"])
            made.append([version["theta"] for version in books["lives"][0]["versions"]])
        self.assertNotEqual(made[0], made[1], "timing decides what an asynchronous run does")

    def test_a_killed_run_and_what_went_on_from_its_checkpoint_are_replayed_each(self):
        deck = DECK | LAYOUTS["2 sites, 2 shards, carry"] | {"checkpoint.every_steps": 40, "checkpoint.keep": 100}
        job = self.start(RANKS, deck)

        def has_gone_on(job):
            events = [line["event"] for line in reversed(job.metrics())]
            return "checkpoint" in events and events[:events.index("checkpoint")].count("commit") >= 3

        job.wait_for(has_gone_on, what="a checkpoint, and commits after it")
        for pid in job.pids().values():
            os.kill(pid, signal.SIGKILL)
        job.wait()
        job = self.finish(RANKS, deck, resume=True)

        killed, resumed = self.equal_replay("tiny")
        self.assertGreater(killed["commits"], 0)
        self.assertEqual(resumed["commits"], resumed["taped_commits"])
        books = ledger(self.folder, "tiny")
        self.assertTrue(books["sound"])
        self.assertEqual([life["torn"] for life in books["lives"]], [True, False])
        self.assertEqual([life["imbalance"] for life in books["lives"]], [0, 0])
        rows = books["lives"][1]["rows"]
        self.assertGreater(sum(row["lost"]["steps"] for row in rows), 0, "what was trained after the checkpoint")
        for row in rows:
            self.assertEqual(row["committed"], row["merged"])

        code, found = replay(self.folder, "tiny", ranks=3)
        self.assertEqual(code, 2)
        self.assertIn("life 1 had 4 ranks, and here are 3", found)
        self.assertEqual([life["life"] for life in self.equal_replay("tiny", extra=["--life", "2"])], [2])

    def test_ranks_that_share_the_moments_are_replayed_life_by_life(self):
        deck = DECK | {"sites.count": 2, "sites.ranks": [2, 1], "inner.shard_optimizer": True}
        self.finish(RANKS, deck | {"run.steps": 30})
        self.finish(RANKS, deck | {"run.steps": 60}, resume=True)
        for life in self.equal_replay("tiny"):
            self.assertGreater(life["commits"], 0)

    def test_runs_that_lost_sites_and_a_shard_are_replayed(self):
        for kind in ("rank (site)", "rank (shrink)", "leader (shrink)", "two sites", "site and shard", "during a join"):
            number = list(storms.KINDS).index(kind)
            name = f"storm_{number}"
            storm = storms.weather(self.folder, name, number)
            with self.subTest(kind):
                self.assertEqual(storm["wrong"], "")
                life, = self.equal_replay(name, ranks=storms.ranks_of(kind))
                self.assertTrue(life["whole"])

    def test_from_snapshots_of_running_jobs_books_go_on_and_replays_begin(self):
        for seed in (1, 3, 5):  # 2 shards; K = 2, blend, anchor current; streaming
            row = cuts.kill_and_go_on(self.folder, f"run_{seed}", seed)
            with self.subTest(row["layout"]):
                self.assertEqual((row["books"], row["told"], row["to_the_end"]), ("sound", "equal", "equal"))
        done = atoll("launch", "--replay", "runs/run_5", "--from", "99999999", cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("step_99999999", done.stderr)

    def test_a_run_is_replayed_by_launch_and_tells_what_is_not_as_it_was(self):
        self.finish(3, DECK | {"run.steps": 24, "run.method": "streaming", "sites.count": 2})
        done = atoll("launch", "--replay", "runs/tiny", cwd=self.folder)
        self.assertIn("every digest equal", done.stdout)
        tape = self.folder / "runs/tiny/tape/site_1.tape"
        whole = tape.read_bytes()
        tape.write_bytes(b"")
        done = atoll("launch", "--replay", "runs/tiny", cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("site_1.tape: tells nothing of life 1", done.stderr)
        tape.write_bytes(whole[:len(whole) // 2])
        done = atoll("launch", "--replay", "runs/tiny", cwd=self.folder)
        self.assertIn("a tape that ends early", done.stdout)
        tape.write_bytes(whole)
        os.environ["OMP_NUM_THREADS"], before = "2", os.environ.get("OMP_NUM_THREADS")
        try:
            done = atoll("launch", "--replay", "runs/tiny", cwd=self.folder, check=False)
        finally:
            os.environ.pop("OMP_NUM_THREADS") if before is None else os.environ.update(OMP_NUM_THREADS=before)
        self.assertIn("was made otherwise: the machine offers", done.stderr)

    def test_a_damaged_tape_is_refused_with_its_name_and_place(self):
        self.finish(3, DECK | {"run.steps": 24, "sites.count": 2})
        tape = self.folder / "runs/tiny/tape/site_1.tape"
        content = bytearray(tape.read_bytes())
        content[len(content) // 2] ^= 1
        tape.write_bytes(content)
        for command in (["inspect", "runs/tiny", "--ledger"], ["launch", "--replay", "runs/tiny"]):
            done = atoll(*command, cwd=self.folder, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"site_1\.tape, byte \d+: the tape")

    def test_without_determinism_there_is_no_tape(self):
        self.finish(3, DECK | {"run.steps": 12, "sites.count": 2, "run.deterministic": False})
        done = atoll("inspect", "runs/tiny", "--ledger", cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("has no tape", done.stderr)


if __name__ == "__main__":
    unittest.main()
