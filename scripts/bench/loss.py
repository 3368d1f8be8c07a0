#!/usr/bin/env python3
"""What the loss of a site costs: one of two sites is killed (SIGKILL) in the middle of a run, again and again in new runs.

Prints for each run, in seconds after the shards heard of the loss: until the site trains again, until a commit that it is a member
of, until the next commit of the other site; and of that other site the median step within five seconds of the loss, and within the
whole run. One site and the syncer a core each, as far as there are cores. With --json one object.

Usage: scripts/bench/loss.py [--runs 5] [--build build/ci] [--deck inputs/quickstart.toml] [--floor SECONDS] [--json]
"""

import json
import os
import signal
import statistics
import sys

from tiny_runs import SOURCE, options_of, scratch_folder

STEPS, KILLED_AT, NEAR_S = 60, 25, 5.0


def trial(job):
    job.wait_for(lambda job: any(line["step"] >= KILLED_AT for line in job.metrics("step")), timeout=300, what="its middle")
    os.kill(job.pids()[2], signal.SIGKILL)
    code, _, err = job.wait(600)
    if code != 0:
        sys.exit(f"the run failed: {err}")
    lost = job.metrics("fault")[0]["time_s"]
    after = [line for line in job.metrics("commit") if line["time_s"] > lost]
    trained = job.metrics("return")[0]["time_s"]
    steps = [line for line in job.metrics("step") if line["site"] == 0]
    return {"trains_again": trained - lost,
            "takes_part": next(line["time_s"] for line in after if 1 in line["members"] and line["time_s"] > trained) - lost,
            "next_commit": after[0]["time_s"] - lost,
            "other_step_near": statistics.median(line["step_s"] for line in steps if abs(line["time_s"] - lost) < NEAR_S),
            "other_step": statistics.median(line["step_s"] for line in steps)}


def main():
    options = options_of(__doc__, runs=5, extra={"--deck": "inputs/quickstart.toml", "--floor": "0"})
    from support import Job

    rows = []
    with scratch_folder() as folder:
        if options.deck != "inputs/tiny.toml":
            folder = folder / "own"
            folder.mkdir()
            (folder / "data").symlink_to(SOURCE / "data")
        for number in range(options.runs):
            keys = {"run.name": f"run_{number}", "run.steps": STEPS, "eval.every_steps": 0, "checkpoint.every_steps": 0,
                    "inner.warmup_steps": 10, "sites.step_floor_s": [float(options.floor)]}
            rows.append(trial(Job(folder, 3, keys, deck=str(SOURCE / options.deck))))
            if not options.json:
                print("run {run}: trains again after {trains_again:.2f} s, takes part after {takes_part:.2f} s, the other's next commit after "
                      "{next_commit:.2f} s; the other's median step {other_step_near:.3f} s near it, {other_step:.3f} s in all".format(
                          run=number, **rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
