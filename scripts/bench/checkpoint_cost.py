#!/usr/bin/env python3
"""What a checkpoint every 50 steps costs: blocks of 50 steps with one and without one in turn, within one process, paired.

One site and one shard, so that ranks <= cores. Checkpoints come every 100 steps, each at the beginning of a block; the pair
is that block and the one after it, by the clock from step line to step line, copy and all. Prints the mean over pairs of the
ratio of their times, and its one-sided 95 % upper bound (Student). On a machine that others use too, a second row leaves out
what the site's thread spent waiting for a core (the kernel's schedstat).

Usage: scripts/bench/checkpoint_cost.py [--pairs 10] [--json]
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BLOCK = 50


def upper_bound(values):
    """Of the mean, one-sided, 95 %: Student's quantile by its expansion in degrees of freedom (Fisher)."""
    freedom = len(values) - 1
    quantile = 1.645 + 1.524 / freedom + 1.42 / freedom**2
    return statistics.mean(values) + quantile * statistics.stdev(values) / len(values) ** 0.5


def rank_1():
    """The process id of the site's rank, this job's being the youngest."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"OMPI_COMM_WORLD_RANK=1\0" in (entry / "environ").read_bytes():
                found.append((entry.stat().st_ctime, int(entry.name)))
        except OSError:
            pass
    return max(found)[1]


def waited_s(pid):
    """For a core, its first thread, so far."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def watch(process, metrics):
    """At the last step of every block: step -> (time_s, seconds waited for a core)."""
    seen, pid, offset = {}, None, 0
    while process.poll() is None:
        time.sleep(0.02)
        text = metrics.read_text()[offset:] if metrics.exists() else ""
        offset += text.rfind("\n") + 1
        for line in map(json.loads, text[: text.rfind("\n") + 1].splitlines()):
            if line["event"] == "step" and line["step"] % BLOCK == 0:
                pid = pid or rank_1()
                seen[line["step"]] = line["time_s"], waited_s(pid)
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--deck", default="inputs/quickstart.toml")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    # The first pair warms up; after the last come some steps, so that the run's end is in no block.
    settings = {"run.steps": 2 * BLOCK * (options.pairs + 1) + 20, "run.name": '"checkpoints"', "sites.count": 1,
                "eval.every_steps": 0, "checkpoint.every_steps": 2 * BLOCK, "checkpoint.keep": 1}
    command = [SOURCE / "scripts/mpirun.sh", "-n", "2", SOURCE / options.build / "atoll", "train", SOURCE / options.deck]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as scratch:
        folder = pathlib.Path(scratch)
        (folder / "data").symlink_to(SOURCE / "data")
        run = folder / "runs/checkpoints"
        process = subprocess.Popen([str(part) for part in command], cwd=folder, stdout=sys.stderr)
        seen = watch(process, run / "metrics.jsonl")
        if process.returncode != 0:
            sys.exit(f"the run ended with code {process.returncode}")
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    checkpoints = [line for line in lines if line["event"] == "checkpoint"]
    if not all(any(first <= each["step"] < first + BLOCK for each in checkpoints)
               for first in range(2 * BLOCK, 2 * BLOCK * (options.pairs + 1), 2 * BLOCK)):
        sys.exit("a block has no checkpoint: there is nothing to measure")

    def block_s(first, running):
        (begin_s, waited_before_s), (end_s, waited_s_) = seen[first], seen[first + BLOCK]
        return end_s - begin_s - running * (waited_s_ - waited_before_s)

    result = {"pairs": options.pairs, "checkpoint_bytes": checkpoints[0]["bytes"],
              "checkpoint_s": statistics.median(line["seconds"] for line in checkpoints[:-1])}
    for name, running in {"by_the_clock": False, "without_waits_for_a_core": True}.items():
        pairs = [(block_s(first, running), block_s(first + BLOCK, running))
                 for first in range(2 * BLOCK, 2 * BLOCK * (options.pairs + 1), 2 * BLOCK)]
        ratios = [with_s / without_s for with_s, without_s in pairs]
        result[name] = {"step_s_without": statistics.mean(without_s for _, without_s in pairs) / BLOCK,
                        "mean_cost_percent": 100 * (statistics.mean(ratios) - 1),
                        "upper_bound_95_percent": 100 * (upper_bound(ratios) - 1), "ratios": ratios}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{options.pairs} pairs of {BLOCK} steps, {result['checkpoint_bytes'] / 1e6:.0f} MB in {result['checkpoint_s']:.2f} s")
    for name in ("by_the_clock", "without_waits_for_a_core"):
        row = result[name]
        print(f"{name.replace('_', ' ')}: step {row['step_s_without']:.3f} s, a checkpoint every {BLOCK} costs "
              f"{row['mean_cost_percent']:+.2f} % of a step, 95 % upper bound {row['upper_bound_95_percent']:+.2f} %")


if __name__ == "__main__":
    main()
