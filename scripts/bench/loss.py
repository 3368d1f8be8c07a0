#!/usr/bin/env python3
"""What the loss of a site costs: one of two sites is killed (SIGKILL) in the middle of a run, again and again in new runs.

Prints for each run, in seconds after the shards heard of the loss: until the site trains again, until a commit that it is a member
of, until the next commit of the other site; and of that other site the median and the longest of the ten steps from the kill on, beside
the median of all. The time that it waited for a core is taken off each step (/proc/PID/schedstat, read every 2 ms): on two cores the
process that is being started competes with it. With --json one object.

Usage: scripts/bench/loss.py [--runs 5] [--build build/ci] [--deck inputs/quickstart.toml] [--floor SECONDS] [--json]
"""

import bisect
import json
import os
import pathlib
import signal
import statistics
import sys
import threading
import time

from tiny_runs import SOURCE, options_of, scratch_folder

STEPS, KILLED_AT, NEAR = 60, 25, 10


class RunQueue:
    """How long the main thread of a process has waited for a core, by the time of day."""

    def __init__(self, pid):
        self.file, self.times, self.waited = pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat"), [], []
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            try:
                waited = int(self.file.read_text().split()[1]) * 1e-9
            except (OSError, IndexError):
                return
            self.times.append(time.time())
            self.waited.append(waited)
            time.sleep(0.002)

    def between(self, begin, end):
        at = lambda moment: self.waited[min(bisect.bisect_left(self.times, moment), len(self.waited) - 1)]
        return at(end) - at(begin)


def trial(job):
    job.wait_for(lambda job: len(job.pids()) == 3, what="its processes")
    queue = RunQueue(job.pids()[1])
    job.wait_for(lambda job: any(line["step"] >= KILLED_AT for line in job.metrics("step")), timeout=300, what="its middle")
    os.kill(job.pids()[2], signal.SIGKILL)
    killed = time.time()
    code, _, err = job.wait(600)
    if code != 0:
        sys.exit(f"the run failed: {err}")
    lost = job.metrics("fault")[0]["time_s"]
    after = [line for line in job.metrics("commit") if line["time_s"] > lost]
    trained = job.metrics("return")[0]["time_s"]
    start = job.metrics("start")[0]["unix_s"]
    steps = [(start + line["time_s"], line["step_s"]) for line in job.metrics("step") if line["site"] == 0 and line["step"] > 3]
    steps = [(end, length - queue.between(end - length, end)) for end, length in steps]
    near = [length for end, length in steps if end > killed][:NEAR]
    return {"trains_again": trained - lost,
            "takes_part": next(line["time_s"] for line in after if 1 in line["members"] and line["time_s"] > trained) - lost,
            "next_commit": after[0]["time_s"] - lost,
            "other_step_near": statistics.median(near), "other_step_longest": max(near),
            "other_step": statistics.median(length for _, length in steps)}


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
                      "{next_commit:.2f} s; the other's next ten steps {other_step_near:.3f} s in the median, at most {other_step_longest:.3f}; "
                      "{other_step:.3f} s in all".format(
                          run=number, **rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
