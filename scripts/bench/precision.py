#!/usr/bin/env python3
"""What bf16 costs in validation loss: the quickstart in fp32 and in bf16, by seed, at equal tokens.

Two sites that exchange by `streaming`, so that every round is of both sites at the same steps and the runs of a seed differ by their
precision alone. On a processor without fast bf16 both are computed in fp32, and the table says that the losses are the same.

Usage: scripts/bench/precision.py [--seeds 1 2 3] [--steps 560] [--out runs/precision.jsonl]
"""

import argparse
import json
import statistics

from trials import Trials, add_options


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, deck="inputs/quickstart.toml", out="runs/precision.jsonl")
    parser.add_argument("--steps", type=int, default=560)
    options = parser.parse_args()
    trials = Trials(options, steps=options.steps)

    def loss(precision, seed):
        settings = {"run.method": "streaming", "run.steps": options.steps, "run.stop": "each", "inner.warmup_steps": min(60, options.steps // 8),
                    "model.precision": precision, "checkpoint.every_steps": 0, "eval.every_steps": 0, "eval.batches": 64}
        return trials.result({"precision": precision, "seed": seed}, 2, settings)["val_loss"]

    rows = [{"seed": seed, "fp32": loss("fp32", seed), "bf16": loss("bf16", seed)} for seed in options.seeds]
    for row in rows:
        row["percent"] = 100 * (row["bf16"] / row["fp32"] - 1)
        print("seed {seed}: fp32 {fp32:.4f}, bf16 {bf16:.4f}, {percent:+.2f} %".format(**row))
    print(f"mean {statistics.mean(row['percent'] for row in rows):+.2f} %")
    options.out.with_suffix(".json").write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
