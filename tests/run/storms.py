"""One job of the tiny deck in a storm: real processes, killed by a real signal at a random moment. For tests and scripts/storm.sh."""

import json
import os
import random
import signal
import subprocess
import time

from support import Job, atoll

STEPS = 100
# What is hit -> how the job is laid out: sites' ranks, and deck keys.
KINDS = {
    "rank (site)": ([2, 1], {"sites.repair": "site"}),
    "rank (spawn)": ([2, 1], {"sites.repair": "spawn"}),
    "rank (shrink)": ([2, 1], {"sites.repair": "shrink"}),
    "leader (shrink)": ([2, 1], {"sites.repair": "shrink"}),
    "rank (spare)": ([2, 1], {"sites.repair": "spare", "sites.spares": 1}),
    "site (spare)": ([2, 1], {"sites.repair": "spare", "sites.spares": 2}),
    "leader after a rank": ([2, 1], {"sites.repair": "spare", "sites.spares": 1, "run.steps": 150}),
    "whole site": ([2, 1], {}),
    "shard": ([1, 1], {"syncer.ranks": 2, "syncer.replicas": 1}),
    "two sites": ([1, 1, 1], {}),
    "site and shard": ([1, 1], {"syncer.ranks": 2, "syncer.replicas": 1}),
    "during a join": ([1, 1], {"run.steps": 500, "outer.dead_after_s": 2.0}),
    "during a checkpoint": ([1, 1], {"checkpoint.every_steps": 10}),
}


def ranks_of(kind):
    ranks, deck = KINDS[kind]
    return deck.get("syncer.ranks", 1) + sum(ranks) + deck.get("sites.spares", 0)


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def open_sets(job):
    """Checkpoints that are being written."""
    return [folder for folder in (job.run / "checkpoints").glob("step_*") if not (folder / "manifest.json").exists()]


def strike(job, kind, draws):
    """Kills what `kind` says. World ranks: shards, then the ranks of site 0, site 1, ..."""
    pids = job.pids()
    if kind in ("rank (site)", "rank (spawn)", "rank (spare)"):
        kill([pids[draws.choice([1, 2])]])
    elif kind == "rank (shrink)":
        kill([pids[2]])
    elif kind == "leader (shrink)":
        kill([pids[1]])
    elif kind == "leader after a rank":  # the spare is left alone, and knows no shard
        kill([pids[2]])
        job.wait_for(lambda job: job.metrics("return"), what="its return")
        kill([pids[1]])
    elif kind in ("whole site", "site (spare)"):
        kill([pids[1], pids[2]])
    elif kind == "shard":
        kill([pids[1]])
    elif kind == "two sites":
        kill([pids[1], pids[3]])
    elif kind == "site and shard":
        kill([pids[1], pids[draws.choice([2, 3])]])
    elif kind == "during a join":
        kill([pids[2]])
        job.wait_for(lambda job: job.recruits(), what="its return")
        time.sleep(draws.uniform(0.0, 0.05))
        kill(job.recruits())
    else:
        job.wait_for(open_sets, what="a checkpoint that is being written")
        kill([pids[draws.choice([1, 2])]])


def weather(folder, name, number):
    """Runs the job to its end. Returns what was hit, when, and what is wrong ('' where nothing is)."""
    draws = random.Random(number)
    kind = list(KINDS)[number % len(KINDS)]
    ranks, deck = KINDS[kind]
    step = draws.randint(5, STEPS - 30)
    deck = {"run.name": name, "run.steps": STEPS, "sites.count": len(ranks), "sites.ranks": ranks, "sites.step_floor_s": [0.03],
            "eval.every_steps": 0, "checkpoint.every_steps": 25} | deck
    job = Job(folder, ranks_of(kind), deck)
    try:
        job.wait_for(lambda job: any(line["step"] >= step for line in job.metrics("step")), what=f"step {step}")
        time.sleep(draws.uniform(0.0, 0.03))
        strike(job, kind, draws)
        code, out, err = job.wait(60)
    except (AssertionError, subprocess.TimeoutExpired) as hang:
        job.kill()
        return {"kind": kind, "step": step, "wrong": f"does not end: {hang}"}
    return {"kind": kind, "step": step, "wrong": verdict(job, kind, deck, code, err)}


def verdict(job, kind, deck, code, err):
    if code != 0:
        return f"exit code {code}: {err[-300:]}"
    status = job.status()
    if status["outcome"] != "done" or status["step"] < deck["run.steps"]:
        return f"{status['outcome']} at step {status['step']}"
    versions = {}
    for line in job.metrics("commit"):
        versions.setdefault(line["fragment"], []).append(line["version"])
    # The last word of a lost shard on a fragment may be lost with it, or be of a commit that its heir never saw and makes anew.
    excused = 1 if "shard" in kind else 0
    for fragment, seen in versions.items():
        said_twice = len(seen) - len(set(seen))
        if seen != sorted(seen) or said_twice > excused or seen[0] != 1 or seen[-1] - len(set(seen)) > excused:
            return f"fragment {fragment} has versions {seen}"
    ends = {line["site"]: line["model"] for line in job.metrics("site_end")}
    # Who is lost this shortly before the end may come back too late for it.
    begin_of_end_s = job.metrics("end")[-1]["time_s"] - 1.5
    late = {line["site"] for line in job.metrics("fault") if "site" in line and line["time_s"] > begin_of_end_s}
    if ends.keys() | late != set(range(job.metrics("start")[0]["sites"])):
        return f"only sites {sorted(ends)} came to the end"
    if len(set(ends.values())) > 1:
        return f"the sites end with models {ends}"
    return books(job)


def books(job):
    """What is wrong with them, from the tapes alone: where every token went, and every commit of every version."""
    done = atoll("inspect", job.run, "--ledger", "--json", cwd=job.folder, check=False)
    if not done.stdout.startswith("{"):
        return done.stderr
    (life,) = json.loads(done.stdout)["lives"]
    if life["findings"] or life["imbalance"]:
        return f"imbalance {life['imbalance']}, {life['findings']}"
    parts = ("merged", "pending", "unsent", "overwritten", "dropped", "rejected", "lost")
    for row in life["rows"]:
        if any(row["processed"][what] != sum(row[part][what] for part in parts) for what in ("steps", "tokens")):
            return f"a row does not add up: {row}"
    newest = json.loads(atoll("inspect", job.status()["checkpoint"], "--json", cwd=job.folder).stdout)
    for fragment in newest["fragments"]:
        taped = [made for made in life["versions"] if made["fragment"] == fragment["fragment"]]
        if [made["version"] for made in taped] != list(range(1, fragment["version"] + 1)):
            return f"fragment {fragment['fragment']} ends with version {fragment['version']}, and on tape are {taped}"
        if taped[-1]["theta"] != fragment["digest"]:
            return f"fragment {fragment['fragment']} ends as {fragment['digest']}, and on tape as {taped[-1]['theta']}"
    return ""
