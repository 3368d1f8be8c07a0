#!/usr/bin/env python3
"""What a second rank brings to a site, and how near the site comes to the peak of the matrix products.

One rank and two ranks train in turns with the same batch a rank, the optimizer sharded over them; the figure is the ratio of their tokens
a second, the median over pairs. One more run each, with --profile, tells the share of the peak: operations of matrix products over the
time of a step, against the rate of square products measured in the same process; --tables shows where the time goes.

Usage: scripts/bench/site_ranks.py [--models S M] [--precision fp32] [--pairs 5] [--steps 8] [--tables] [--json]
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from options import positive
from sizes import SIZES, deck_of, write_tokens

SOURCE = pathlib.Path(__file__).resolve().parents[2]
WARM_UP = 2  # steps that do not count: memory is touched for the first time


class Bench:
    def __init__(self, options, folder, name):
        self.options, self.folder, self.name, self.size, self.number = options, folder, name, SIZES[name], 0
        write_tokens(folder / name, self.size)
        self.keys = deck_of(self.size, options.precision, folder / name)

    def run(self, ranks, *flags):
        """Its folder, and what it printed."""
        self.number += 1
        folder = self.folder / "runs" / f"{self.name}_{self.number}"
        keys = self.keys | {"run.name": folder.name, "run.steps": WARM_UP + self.options.steps, "sites.ranks": [ranks],
                            "inner.batch": self.size["batch"] * ranks // 2}
        command = [SOURCE / "scripts/mpirun.sh", "-n", 1 + ranks, SOURCE / self.options.build / "atoll", "train", SOURCE / "inputs/tiny.toml", *flags]
        for key, value in keys.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        done = subprocess.run([str(word) for word in command], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{done.stderr}")
        return folder, done.stdout

    def tokens_per_s(self, ranks):
        folder, _ = self.run(ranks)
        lines = [line for line in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if line["event"] == "step"]
        return self.size["batch"] * ranks / 2 * self.size["context"] / statistics.median(line["step_s"] for line in lines[WARM_UP:])

    def share_of_peak(self, ranks):
        """Of the rank that does worst, and the table of the first."""
        folder, text = self.run(ranks, "--profile")
        shares = []
        for file in (folder / "profile").iterdir():
            profile = json.loads(file.read_text())
            shares.append(sum(row["operations"] for row in profile["groups"]) / profile["seconds"] / profile["peak_operations_per_s"])
        return min(shares), text[text.index("a step of this rank"):]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=SIZES, default=["S", "M"])
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--pairs", type=positive, default=5)
    parser.add_argument("--steps", type=positive, default=8)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    rows = []
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as scratch:
        for name in options.models:
            bench = Bench(options, pathlib.Path(scratch), name)
            ratios = []
            for pair in range(options.pairs):
                speed = {ranks: bench.tokens_per_s(ranks) for ranks in ((1, 2) if pair % 2 == 0 else (2, 1))}
                ratios.append(speed[2] / speed[1])
            row = {"model": name, "precision": options.precision, "ratio": statistics.median(ratios), "ratios": ratios}
            tables = []
            for ranks in (1, 2):
                row[f"share_of_peak_{ranks}"], table = bench.share_of_peak(ranks)
                tables.append(table)
            rows.append(row)
            if not options.json:
                print(f"{name} {options.precision}: two ranks {row['ratio']:.2f} x one ({min(ratios):.2f} to {max(ratios):.2f}); of the measured peak "
                      f"{100 * row['share_of_peak_1']:.1f} % on one rank, {100 * row['share_of_peak_2']:.1f} % on two", flush=True)
                if options.tables:
                    print(*tables, sep="\n", flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
