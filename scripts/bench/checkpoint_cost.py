#!/usr/bin/env python3
"""What a checkpoint every 50 steps costs a step: blocks of steps with one and without one in turn, within one process, paired.

One site and one shard, so that ranks <= cores. A pair lies within the 50 steps from one checkpoint to the next: the 12 from the
checkpoint on, in which it is copied and written, and 24 later ones (12 and 24 steps hold as many exchanges of fragments, each
in its share). What the 12 take longer, spread over 50, is the cost, by the clock from step line to step line, copy and all.
Prints its mean over the pairs and the one-sided 95 % upper bound of that (Student). On a machine that others use too, a second
row leaves out what the site's thread spent waiting for a core (the kernel's schedstat).

Usage: scripts/bench/checkpoint_cost.py [--pairs 24] [--json]
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from options import positive

SOURCE = pathlib.Path(__file__).resolve().parents[2]
METRICS = "runs/checkpoints/metrics.jsonl"
EVERY = 50
WITH, WITHOUT = (0, 12), (16, 40)  # steps after the checkpoint was due


def upper_bound(values):
    """Of the mean, one-sided, 95 %: Student's quantile by its expansion in degrees of freedom (Fisher)."""
    freedom = len(values) - 1
    quantile = 1.645 + 1.524 / freedom + 1.42 / freedom**2
    return statistics.mean(values) + quantile * statistics.stdev(values) / len(values) ** 0.5


def site_process(folder):
    """The process id of the site's rank: of the job that runs in this folder, rank 1."""
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if (entry / "cwd").resolve() == folder and b"OMPI_COMM_WORLD_RANK=1\0" in (entry / "environ").read_bytes():
                return entry.name
        except OSError:
            pass
    sys.exit("the site's process is not to be found")


def waited_s(pid):
    """For a core, its first thread, so far."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def watch(process, folder):
    """At the ends of all blocks: step -> (time_s, seconds waited for a core)."""
    seen, pid, offset = {}, None, 0
    metrics = folder / METRICS
    while process.poll() is None:
        time.sleep(0.01)
        text = metrics.read_text()[offset:] if metrics.exists() else ""
        offset += text.rfind("\n") + 1
        for line in map(json.loads, text[: text.rfind("\n") + 1].splitlines()):
            if line["event"] == "step" and line["step"] % EVERY in WITH + WITHOUT:
                pid = pid or site_process(folder)
                seen[line["step"]] = line["time_s"], waited_s(pid)
    return seen


def train(options, folder):
    """Returns what was seen, and the lines of the checkpoints in between."""
    (folder / "data").symlink_to(SOURCE / "data")
    # The first pair warms up.
    settings = {"run.steps": EVERY * (options.pairs + 2), "run.name": '"checkpoints"', "sites.count": 1, "eval.every_steps": 0,
                "checkpoint.every_steps": EVERY, "checkpoint.keep": 1}
    command = [SOURCE / "scripts/mpirun.sh", "-n", "2", SOURCE / options.build / "atoll", "train", SOURCE / options.deck]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    process = subprocess.Popen([str(part) for part in command], cwd=folder, stdout=sys.stderr)
    seen = watch(process, folder)
    if process.returncode != 0:
        sys.exit(f"the run ended with code {process.returncode}")
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    return seen, [line for line in lines if line["event"] == "checkpoint"][1:-1]


def step_s(seen, due, block, counts_waits):
    (begin_s, waited_before_s), (end_s, waited_after_s) = (seen[due + step] for step in block)
    waited = 0.0 if counts_waits else waited_after_s - waited_before_s
    return (end_s - begin_s - waited) / (block[1] - block[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=positive, default=24)
    parser.add_argument("--deck", default="inputs/quickstart.toml")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as scratch:
        seen, checkpoints = train(options, pathlib.Path(scratch).resolve())

    dues = [EVERY * (number + 2) for number in range(options.pairs)]
    for due, line in zip(dues, checkpoints, strict=True):
        if line["step"] - due > 1 or line["time_s"] > seen[due + WITHOUT[0]][0]:
            sys.exit(f"the checkpoint of step {due} was not written within its block: there is nothing to measure")
    result = {"pairs": options.pairs, "checkpoint_bytes": checkpoints[0]["bytes"],
              "checkpoint_s": statistics.median(line["seconds"] for line in checkpoints)}
    for name, counts_waits in {"by the clock": True, "without waits for a core": False}.items():
        pairs = [[step_s(seen, due, block, counts_waits) for block in (WITH, WITHOUT)] for due in dues]
        costs = [100 * (with_s / without_s - 1) * (WITH[1] - WITH[0]) / EVERY for with_s, without_s in pairs]
        result[name] = {"step_s_without": statistics.mean(without_s for _, without_s in pairs),
                        "mean_cost_percent": statistics.mean(costs), "upper_bound_95_percent": upper_bound(costs), "costs": costs}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{options.pairs} pairs, checkpoints of {result['checkpoint_bytes'] / 1e6:.0f} MB in {result['checkpoint_s']:.2f} s each")
    for name in ("by the clock", "without waits for a core"):
        row = result[name]
        print(f"{name}: step {row['step_s_without']:.3f} s, a checkpoint every {EVERY} costs {row['mean_cost_percent']:+.2f} % of a step, "
              f"95 % upper bound {row['upper_bound_95_percent']:+.2f} %")


if __name__ == "__main__":
    main()
