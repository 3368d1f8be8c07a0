"""Runs of four ranks whose sites are stopped and started at random, and their replays under other timing."""

import json
import os
import random
import signal
import subprocess
import threading
import time

from support import ATOLL, MPIRUN, Job, atoll

RANKS = 4

# Enough steps for stalls to matter, on a model so small that they cost nothing else.
DECK = {"run.steps": 150, "model.layers": 1, "model.width": 32, "model.ffn_width": 64, "model.context": 32,
        "outer.interval_steps": 8, "outer.fragments": 4, "outer.quorum": 1, "eval.every_steps": 0,
        "checkpoint.every_steps": 0, "sites.step_floor_s": 0.008}
LAYOUTS = {
    "3 sites, rebase": {"sites.count": 3, "outer.receive": "rebase"},
    "2 sites, 2 shards, carry": {"sites.count": 2, "syncer.ranks": 2, "outer.late": "carry"},
    "2 + 1 ranks, bf16, rebase": {"sites.count": 2, "sites.ranks": [2, 1], "outer.receive": "rebase",
                                  "outer.codec": "bf16", "outer.release_codec": "bf16"},
    "3 sites, K = 2, blend, anchor current": {"sites.count": 3, "outer.quorum": 2, "outer.receive": "blend",
                                              "outer.anchor": "current"},
}


class Replay(Job):
    def __init__(self, folder, ranks, run, extra=()):
        self.folder, self.name = folder, run
        self.process = subprocess.Popen([MPIRUN, "-n", str(ranks), ATOLL, "replay", f"runs/{run}", "--json", *extra],
                                        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        start_new_session=True)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stall(job, shards, seed, longest_s=0.25):
    """Stops a random process of a site now and then, until the job ends. Returns how often, in a list of one."""
    draw, count = random.Random(seed), [0]

    def loop():
        while job.process.poll() is None:
            time.sleep(draw.uniform(0.02, 0.15))
            sites = [pid for rank, pid in job.pids().items() if rank >= shards]
            if sites:
                victim = draw.choice(sites)
                send(victim, signal.SIGSTOP)
                time.sleep(draw.uniform(0.02, longest_s))
                send(victim, signal.SIGCONT)
                count[0] += 1

    threading.Thread(target=loop, daemon=True).start()
    return count


def train_stalled(folder, name, layout, seed, **more):
    """A finished run; returns how often a site was stopped in it."""
    job = Job(folder, RANKS, DECK | layout | {"run.name": name} | more)
    count = stall(job, layout.get("syncer.ranks", 1), seed)
    code, out, err = job.wait()
    assert code == 0, f"exit code {code}\n{out}\n{err}"
    return count[0]


def replay(folder, name, shards=1, seed=None, ranks=RANKS, extra=()):
    """Exit code, and what the replay printed: an object, or the error."""
    job = Replay(folder, ranks, name, extra)
    if seed is not None:
        stall(job, shards, seed)
    code, out, err = job.wait()
    return code, json.loads(out) if out.startswith("{") else err


def find_alteration(folder, name, seed):
    """Alters one byte of one tape: "found", or where it was not."""
    draw = random.Random(seed)
    tape = draw.choice(sorted((folder / "runs" / name / "tape").iterdir()))
    content = bytearray(tape.read_bytes())
    place = draw.randrange(len(content))
    content[place] ^= 1 << draw.randrange(8)
    tape.write_bytes(content)
    done = atoll("inspect", f"runs/{name}", "--ledger", cwd=folder, check=False)
    return "found" if done.returncode == 2 and tape.name in done.stderr else f"not found: {tape.name}, byte {place}"


def ledger(folder, name):
    return json.loads(atoll("inspect", f"runs/{name}", "--ledger", "--json", cwd=folder).stdout)
