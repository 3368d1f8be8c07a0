"""A run whose sites send spoilt contributions, by the deck, and what became of them. For tests and scripts/bench/poisoned.py."""

import json
import pathlib

from stalls import replay
from support import TINY, Job

# What is done to a contribution -> why it is refused.
REASONS = {"bit": "wrong digest", "nan": "not_finite", "norm": "unusual_norm", "stale": "stale_base",
           "foreign": "payload of another deck or model", "replay": "duplicate", "term": "old_term"}
RANKS = 3  # one shard, two sites
FIRST_STEP, APART = 100, 12  # by then norms are known and versions old enough
PACED = {"sites.step_floor_s": [0.02], "eval.every_steps": 0, "checkpoint.every_steps": 0}


def deck_with(folder, faults, name="chaos.toml"):
    """The tiny deck with these [[chaos]] tables."""
    text = pathlib.Path(TINY).read_text()
    for fault in faults:
        text += "\n[[chaos]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fault.items())
    (folder / name).write_text(text)
    return folder / name


def told(run, event="chaos"):
    path = run / "chaos.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if line["event"] == event]


def refused(job):
    """By reason, over all shards; but what came too late, as happens every day."""
    counts = {}
    for line in job.metrics("shard_end"):
        for reason, count in line["refused"].items():
            counts[reason] = counts.get(reason, 0) + count
    return {reason: count for reason, count in counts.items() if reason != "unknown_round"}


def poisoned(folder, name, hows, codec="fp32"):
    """One run, in which each of `hows` is done once, and its replay: what was done, refused, and whether every digest is equal."""
    faults = [{"at_step": FIRST_STEP + i * APART, "do": "corrupt", "how": how, "site": i % 2} for i, how in enumerate(hows)]
    steps = FIRST_STEP + len(hows) * APART + 30
    job = Job(folder, RANKS, {"run.name": name, "run.steps": steps, "outer.codec": codec, **PACED}, deck=deck_with(folder, faults))
    return outcome(job, RANKS)


def outcome(job, ranks):
    code, _, err = job.wait()
    assert code == 0, err
    code, found = replay(job.folder, job.name, ranks=ranks)
    return {"done": [line["how"] for line in told(job.run) if line["do"] == "corrupt"], "refused": refused(job),
            "digests_equal": code == 0 and found["equal"],
            "commits": found["lives"][0]["commits"] if code == 0 else 0, "replay": found if code != 0 else ""}


def to_earlier_owner(folder, name, times):
    """One run, in which a shard is killed and contributions are then sent to its fragments' owner before: as poisoned()."""
    faults = [{"at_step": 20, "do": "kill", "shard": 1}]
    faults += [{"at_step": 40 + i * APART, "do": "corrupt", "how": "term", "site": i % 2} for i in range(times)]
    job = Job(folder, RANKS + 1, {"run.name": name, "run.steps": 70 + times * APART, "syncer.ranks": 2, "syncer.replicas": 1, **PACED},
              deck=deck_with(folder, faults))
    return outcome(job, RANKS + 1)
