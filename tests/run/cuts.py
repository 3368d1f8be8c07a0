"""Runs whose checkpoints are taken at random moments: killed, resumed, and told again from such a checkpoint on."""

import json
import random
import signal
import time

import stalls
from support import Job, atoll

LAYOUTS = stalls.LAYOUTS | {
    "3 sites, K = 2, carry": {"sites.count": 3, "outer.quorum": 2, "outer.late": "carry"},
    "3 sites, streaming, int8 and int4": {"sites.count": 3, "run.method": "streaming", "outer.overlap_steps": 3,
                                          "outer.codec": "int8", "outer.release_codec": "int4"},
}


def sets(folder, name, first=0):
    """Steps of the complete sets."""
    steps = [int(path.parent.name.split("_")[1]) for path in (folder / "runs" / name).glob("checkpoints/step_*/manifest.json")]
    return sorted(step for step in steps if step > first)


def train(folder, name, deck, shards, seed, kill_after_s=None, resume=False):
    """Under stalls, to its end or until so long after its first checkpoint."""
    job = Job(folder, stalls.RANKS, deck, resume=resume)
    stalls.stall(job, shards, seed)
    if kill_after_s is not None:
        job.wait_for(lambda job: job.metrics("checkpoint"), what="a checkpoint")
        time.sleep(kill_after_s)
        for pid in job.pids().values():
            stalls.send(pid, signal.SIGKILL)
    code, out, err = job.wait()
    assert kill_after_s is not None or code == 0, f"exit code {code}\n{out}\n{err}"


def told_again(folder, name, shards, step, seed):
    """The words for a replay from the checkpoint of `step` on: every digest as on the tapes, or what was not."""
    code, found = stalls.replay(folder, name, shards, seed, extra=["--from", str(step)])
    return "equal" if code == 0 else str(found)


def kill_and_go_on(folder, name, seed):
    draw = random.Random(seed)
    layout_name, layout = list(LAYOUTS.items())[seed % len(LAYOUTS)]
    shards = layout.get("syncer.ranks", 1)
    deck = stalls.DECK | layout | {"run.name": name, "run.steps": 250, "checkpoint.every_steps": 0, "checkpoint.keep": 1000,
                                   "checkpoint.every_s": draw.uniform(0.15, 0.5)}
    train(folder, name, deck, shards, seed, kill_after_s=draw.uniform(0.0, 0.4))
    step = sets(folder, name)[-1]
    state = json.loads(atoll("inspect", f"runs/{name}/checkpoints/step_{step:08}", "--json", cwd=folder).stdout)
    train(folder, name, deck, shards, seed + 1000, resume=True)
    own = sets(folder, name, first=step)[:-1]  # the last is of the end, at rest
    books = stalls.ledger(folder, name)
    imbalance = sum(life["imbalance"] for life in books["lives"])
    findings = [finding for life in books["lives"] for finding in life["findings"]]
    return {"layout": layout_name, "step": step,
            "contributions": state["contributions_in_flight"], "releases": state["releases_in_flight"],
            "books": "sound" if books["sound"] and imbalance == 0 else f"imbalance {imbalance}: {findings}",
            "told": told_again(folder, name, shards, step, seed + 2000),
            "to_the_end": told_again(folder, name, shards, draw.choice(own), seed + 3000) if own else "no snapshot"}
