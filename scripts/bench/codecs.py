#!/usr/bin/env python3
"""Compares the codecs at equal tokens: validation loss against fp32, and the bytes that left the sites and the shard.

First contributions in each codec, with releases in fp32; then releases as coded differences, with the contributions in
the codec of least bytes whose loss stays within --within percent of fp32. Two sites that take each the same number of
steps, so all runs see the same tokens. By default they exchange by `streaming`: every round is of both sites at the same
steps whatever the machine does, so runs differ by their codecs and nothing else. With --method decoupled pace has its
say; how much is shown by fp32 run a second time. Bytes are those that the transports counted, headers
and all: contributions of the sites, and everything that left the shard, the whole first version included.
The table is printed at the end and written, with its figures, to --out with .json for .jsonl.

Usage: scripts/bench/codecs.py [--seeds 1 2 3] [--steps 560] [--out runs/codecs.jsonl]
"""

import argparse
import json
import statistics

from trials import Trials, add_options

CODECS = ["fp32", "bf16", "int8", "int4", "e3m0"]
RELEASE_CODECS = ["int8", "int4"]


def summary(runs, baseline):
    """Means over seeds; ratios are of each seed to fp32 of the same seed, bytes per commit and member."""
    def ratios(figure):
        return [figure(one) / figure(base) for one, base in zip(runs, baseline)]

    losses = ratios(lambda one: one["val_loss"])
    return {"codec": runs[0]["codec"], "release_codec": runs[0]["release_codec"], "trial": runs[0]["trial"],
            "val_loss": statistics.mean(one["val_loss"] for one in runs),
            "loss_percent": 100 * (statistics.mean(losses) - 1),
            "loss_percent_by_seed": [100 * (ratio - 1) for ratio in losses],
            "contribution_mb": statistics.mean(one["contribution_bytes"] for one in runs) / 1e6,
            "release_mb": statistics.mean(one["release_bytes"] for one in runs) / 1e6,
            "contribution_ratio": statistics.mean(ratios(lambda one: one["contribution_bytes"] / (one["commits"] * one["members"]))),
            "release_ratio": statistics.mean(ratios(lambda one: one["release_bytes"] / one["commits"])),
            "refused": sum(one["refused"] for one in runs)}


def table(rows):
    text = ("| contributions | releases | validation loss | against fp32 (by seed) | MB from the sites | MB from the shard | "
            "bytes of a contribution | of a release | refused |\n|--|--|--|--|--|--|--|--|--|\n")
    for row in rows:
        by_seed = ", ".join(f"{percent:+.2f}" for percent in row["loss_percent_by_seed"])
        again = " (again)" if row["trial"] > 1 else ""
        text += (f"| {row['codec']}{again} | {row['release_codec']} | {row['val_loss']:.4f} | {row['loss_percent']:+.2f} % ({by_seed}) | "
                 f"{row['contribution_mb']:.1f} | {row['release_mb']:.1f} | {row['contribution_ratio']:.3f} | "
                 f"{row['release_ratio']:.3f} | {row['refused']} |\n")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=["streaming", "decoupled"], default="streaming")
    add_options(parser, deck="inputs/quickstart.toml", out="runs/codecs.jsonl")
    parser.add_argument("--steps", type=int, default=560)
    parser.add_argument("--batches", type=int, default=64, help="of validation text")
    parser.add_argument("--within", type=float, default=0.5, help="percent of loss that fewer bytes may cost")
    options = parser.parse_args()
    trials = Trials(options, method=options.method, steps=options.steps)

    def result(codec, release_codec, seed, trial):
        return trials.result(
            {"codec": codec, "release_codec": release_codec, "seed": seed, "trial": trial}, 2,
            {"run.method": options.method, "run.steps": options.steps, "run.stop": "each", "inner.warmup_steps": min(60, options.steps // 8),
             "outer.codec": codec, "outer.release_codec": release_codec, "checkpoint.every_steps": 0, "eval.every_steps": 0,
             "eval.batches": options.batches})

    def over_seeds(codec, release_codec, trial=1):
        return [result(codec, release_codec, seed, trial) for seed in options.seeds]

    baseline = over_seeds("fp32", "fp32")
    rows = [summary(over_seeds(codec, "fp32"), baseline) for codec in CODECS]
    near = [row for row in rows if row["loss_percent"] <= options.within]  # fp32 itself at least
    best = min(near, key=lambda row: (row["contribution_ratio"], row["loss_percent"]))["codec"]
    rows += [summary(over_seeds(best, release_codec), baseline) for release_codec in RELEASE_CODECS]
    if options.method == "decoupled":
        rows.insert(1, summary(over_seeds("fp32", "fp32", trial=2), baseline))

    tokens = {one["tokens"] for one in trials.results if trials.common.items() <= one.items()}
    assert len(tokens) == 1, f"not the same number of tokens: {tokens}"
    options.out.with_suffix(".json").write_text(json.dumps({"tokens": tokens.pop(), "seeds": options.seeds, "rows": rows}, indent=2))
    print(table(rows), end="")


if __name__ == "__main__":
    main()
