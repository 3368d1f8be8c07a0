"""A run whose sites were stopped and started at random is executed again, under other stalls, bit by bit."""

import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time
import unittest

from support import ATOLL, MPIRUN, Job, RunTest, atoll

# Enough steps for stalls to matter, on a model so small that they cost nothing else.
DECK = {"run.steps": 150, "model.layers": 1, "model.width": 32, "model.ffn_width": 64, "model.context": 32,
        "outer.interval_steps": 8, "outer.fragments": 4, "outer.quorum": 1, "outer.receive": "rebase",
        "outer.late": "drop", "eval.every_steps": 0, "checkpoint.every_steps": 0, "sites.step_floor_s": 0.008}
LAYOUTS = [{"sites.count": 3}, {"sites.count": 2, "syncer.ranks": 2},
           {"sites.count": 2, "sites.ranks": [2, 1], "inner.batch": 4, "outer.receive": "overwrite", "outer.late": "carry"}]


class Replay(Job):
    def __init__(self, folder, ranks, run="runs/tiny", extra=()):
        self.folder, self.name = folder, "tiny"
        self.process = subprocess.Popen([MPIRUN, "-n", str(ranks), ATOLL, "replay", run, "--json", *extra], cwd=folder,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def stall(job, shards, seed, longest_s=0.25):
    """Stops a random site process now and then until the job ends."""
    draw = random.Random(seed)

    def loop():
        while job.process.poll() is None:
            time.sleep(draw.uniform(0.02, 0.15))
            sites = [pid for rank, pid in job.pids().items() if rank >= shards]
            if not sites:
                continue
            victim, pause = draw.choice(sites), draw.uniform(0.02, longest_s)
            for number in (signal.SIGSTOP, signal.SIGCONT):
                try:
                    os.kill(victim, number)
                except ProcessLookupError:
                    pass
                if number == signal.SIGSTOP:
                    time.sleep(pause)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    return thread


def digests(folder, name):
    """What the commits of a run made, from its ledger."""
    return json.loads(atoll("inspect", f"runs/{name}", "--ledger", "--json", cwd=folder).stdout)["lives"][-1]["versions"]


class ReplayTest(RunTest):
    ranks = 4

    def run_stalled(self, name, layout, seed):
        job = self.start(self.ranks, DECK | layout | {"run.name": name})
        stall(job, layout.get("syncer.ranks", 1), seed)
        code, out, err = job.wait()
        self.assertEqual(code, 0, out + err)
        return job

    def replay(self, name, shards=1, seed=None, code=0, ranks=None, extra=()):
        job = Replay(self.folder, ranks or self.ranks, f"runs/{name}", extra)
        self._jobs.append(job)
        if seed is not None:
            stall(job, shards, seed)
        got, out, err = job.wait()
        self.assertEqual(got, code, out + err)
        return json.loads(out) if out.startswith("{") else err

    def test_two_stalled_runs_differ_and_each_replays_to_the_bit(self):
        layout = LAYOUTS[0]
        made = []
        for seed in (1, 2):
            name = f"run_{seed}"
            self.run_stalled(name, layout, seed)
            before = {path: path.stat().st_mtime_ns for path in (self.folder / "runs" / name).rglob("*")}
            found = self.replay(name, seed=seed + 100)
            after = {path: path.stat().st_mtime_ns for path in (self.folder / "runs" / name).rglob("*")}
            self.assertEqual(before, after, "a replay writes nothing")
            life = found["lives"][0]
            self.assertEqual((life["differences"], life["commits"]), ([], life["taped_commits"]))
            self.assertEqual(life["boundaries"], life["taped_boundaries"])
            self.assertGreater(life["commits"], 30)
            made.append(digests(self.folder, name))
        self.assertNotEqual(made[0], made[1], "timing decides what an asynchronous run does")


if __name__ == "__main__":
    unittest.main()
