#!/usr/bin/env python3
"""What the outer exchange costs a step: switched off and on in blocks of 20 steps within one process, paired.

One site and one shard, so that ranks <= cores. In every second block the site neither hears nor answers the syncer
([link] pause_every_steps; up to in_flight pulls that stood are still answered). Each block with exchange is paired with the
blocks without before and after it, so that a machine that becomes slower does not count; the figure is the median over pairs
of the ratio of their mean step times, its upper bound from the binomial (sign) interval at 95 %.

With --fragments 12 --interval 12 a fragment leaves and one arrives in every step; --link models one of 1 Gbit/s and 20 ms. The CPU
time of the site's communication thread is told as a share of the time it was watched. With --sites 2 another site trains beside it,
on the same GPU if there is one, and pauses in blocks of its own steps: figures are of site 0, and of how far the two came apart.

Usage: scripts/bench/exchange_cost.py [--pairs 12] [--sites 1] [--deck inputs/quickstart.toml] [--fragments 12 --interval 12] [--link] [--json]
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from options import positive

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BLOCK = 20


def median_upper_bound(values, confidence=0.95):
    """The order statistic that exceeds the median with at least this probability (one-sided sign test); None of fewer than five."""
    ordered, n, tail = sorted(values), len(values), 0.0
    for rank in range(n, 0, -1):  # P(at least `rank` values lie below the median)
        tail += math.comb(n, rank) / 2**n
        if tail > 1 - confidence:
            return ordered[rank] if rank < n else None
    return None


def watch_messages_thread(job):
    """CPU seconds a second of the site's communication thread, from when it is first seen to when it is last seen."""
    seen = []
    while job.poll() is None:
        for thread in pathlib.Path("/proc").glob("[0-9]*/task/[0-9]*/comm"):
            try:
                if thread.read_text().strip() != "atoll-messages" or "OMPI_COMM_WORLD_RANK=1" not in environment_of(thread.parents[2]):
                    continue
                ticks = (thread.parent / "stat").read_text().rsplit(")", 1)[1].split()[11:13]
            except OSError:
                continue
            seen.append((time.monotonic(), sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")))
        time.sleep(0.5)
    if job.returncode == 0 and len(seen) < 2:
        sys.exit("the communication thread was not seen: the run is too short")
    if len(seen) < 2:
        return 0.0
    (begin_s, before_s), (end_s, after_s) = seen[0], seen[-1]
    return (after_s - before_s) / (end_s - begin_s)


def environment_of(process):
    return (process / "environ").read_bytes().decode(errors="replace").split("\0")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=positive, default=12)
    parser.add_argument("--deck", default="inputs/quickstart.toml")
    parser.add_argument("--sites", type=positive, default=1)
    parser.add_argument("--fragments", type=positive)
    parser.add_argument("--interval", type=positive)
    parser.add_argument("--link", action="store_true")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    steps = 2 * BLOCK * (options.pairs + 1)
    scratch = tempfile.TemporaryDirectory(prefix="atoll-bench-")
    folder = pathlib.Path(scratch.name)
    (folder / "data").symlink_to(SOURCE / "data")
    settings = {"run.steps": steps, "run.name": '"exchange"', "sites.count": options.sites, "link.pause_every_steps": BLOCK,
                "eval.every_steps": 0, "checkpoint.every_steps": 0}
    if options.fragments:
        settings["outer.fragments"] = options.fragments
    if options.interval:
        settings["outer.interval_steps"] = options.interval
    if options.link:
        settings |= {"link.bandwidth_mbit_s": 1000, "link.delay_ms": 20}
    command = [SOURCE / "scripts/mpirun.sh", "-n", 1 + options.sites, SOURCE / options.build / "atoll", "train", SOURCE / options.deck]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    job = subprocess.Popen([str(part) for part in command], cwd=folder, stdout=sys.stderr)
    share = watch_messages_thread(job)
    if job.returncode != 0:  # it has said why
        sys.exit(f"the run ended with {job.returncode}")

    lines = [json.loads(line) for line in (folder / "runs/exchange/metrics.jsonl").read_text().splitlines()]
    of_sites = [[line for line in lines if line["event"] == "step" and line["site"] == site] for site in range(options.sites)]
    step_s = {line["step"]: line["step_s"] for line in of_sites[0]}
    time_s = {line["step"]: line["time_s"] for line in of_sites[0]}
    first_end = min(taken[-1]["time_s"] for taken in of_sites)
    taken_then = [sum(line["time_s"] <= first_end for line in taken) for taken in of_sites]
    commits = [line["time_s"] for line in lines if line["event"] == "commit" and 0 in line["members"]]

    def block(number):
        # The first step of a block pays for what the switch itself does: held releases arrive, rounds reopen.
        return statistics.mean(step_s[step] for step in range(number * BLOCK + 2, (number + 1) * BLOCK + 1))

    for number in range(2, 2 * options.pairs + 1, 2):
        if not any(time_s[number * BLOCK] < moment <= time_s[(number + 1) * BLOCK + 1] for moment in commits):
            sys.exit(f"no fragment of site 0 was committed in block {number}: there is nothing to measure")

    # Blocks 0, 2, ... exchange; the first warms up.
    ratios = [2 * block(number) / (block(number - 1) + block(number + 1)) for number in range(2, 2 * options.pairs + 1, 2)]
    bound = median_upper_bound(ratios)
    result = {
        "pairs": len(ratios),
        "steps_a_block": BLOCK,
        "step_s_without": statistics.median(block(number) for number in range(1, 2 * options.pairs, 2)),
        "commits": len(commits),
        "sites_apart_steps": max(taken_then) - min(taken_then),
        "median_cost_percent": 100 * (statistics.median(ratios) - 1),
        "upper_bound_95_percent": None if bound is None else 100 * (bound - 1),
        "messages_thread_cpu_percent": 100 * share,
        "ratios": ratios,
    }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        of_bound = "no 95 % bound of fewer than five pairs" if bound is None else f"95 % upper bound {100 * (bound - 1):+.2f} %"
        print(f"{result['pairs']} pairs of {BLOCK} steps, {result['commits']} commits, step {result['step_s_without']:.3f} s: "
              f"the exchange costs {result['median_cost_percent']:+.2f} % of a step (median), "
              f"{of_bound}; the communication thread took "
              f"{result['messages_thread_cpu_percent']:.2f} % of a core"
              + (f"; {options.sites} sites came {result['sites_apart_steps']} steps apart" if options.sites > 1 else ""))


if __name__ == "__main__":
    main()
