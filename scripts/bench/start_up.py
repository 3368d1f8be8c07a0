#!/usr/bin/env python3
"""How long from mpirun to the first step: the quickstart's deck, as often as told, from the call of mpirun to where site 0 begins to compute.

Usage: scripts/bench/start_up.py [--tries 7] [--ranks 3] [--json]
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deck", default="inputs/quickstart.toml")
    parser.add_argument("--tries", type=positive, default=7)
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seconds = []
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as scratch:
        folder = pathlib.Path(scratch)
        (folder / "data").symlink_to(SOURCE / "data")
        for number in range(options.tries):
            command = [SOURCE / "scripts/mpirun.sh", "-n", options.ranks, SOURCE / options.build / "atoll", "train", SOURCE / options.deck,
                       "--set", f'run.name="start_{number}"', "--set", "run.steps=2", "--set", "inner.warmup_steps=0", "--set", "eval.batches=1"]
            called_s = time.time()
            done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{done.stdout}{done.stderr}")
            lines = [json.loads(line) for line in (folder / f"runs/start_{number}/metrics.jsonl").read_text().splitlines()]
            start, = [line for line in lines if line["event"] == "start"]
            step = next(line for line in lines if line["event"] == "step" and line["site"] == 0)
            seconds.append(start["unix_s"] + step["time_s"] - step["step_s"] - called_s)
    result = {"median_s": statistics.median(seconds), "seconds": seconds}
    print(json.dumps(result, indent=2) if options.json else
          f"first step {result['median_s']:.2f} s after mpirun was called ({min(seconds):.2f} to {max(seconds):.2f}, {len(seconds)} tries)")


if __name__ == "__main__":
    main()
