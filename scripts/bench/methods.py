#!/usr/bin/env python3
"""Compares the four methods at equal tokens: validation loss, bytes on the wire, seconds that sites waited.

Every run starts from the same warm model of its seed (data_parallel, --warm steps). The outer learning rate of each
method and number of sites is chosen from the same grid on the first seed; the other seeds use the choice. data_parallel
has no outer rule, and its batches are the same whatever the number of sites: it runs once a seed.

Usage: scripts/bench/methods.py [--sites 2 4] [--seeds 1 2 3] [--lrs 0.4 0.7 1.0] [--out runs/methods.jsonl]
"""

import argparse

from trials import Trials, add_options, mean, mean_and_spread

GLOBAL_BATCH = 16
OUTER_METHODS = ["diloco", "streaming", "decoupled"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, deck="inputs/methods.toml", out="runs/methods.jsonl")
    parser.add_argument("--sites", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--lrs", type=float, nargs="+", default=[0.4, 0.7, 1.0])
    parser.add_argument("--warm", type=int, default=150, help="steps of data_parallel before all runs")
    options = parser.parse_args()
    trials = Trials(options, warm=options.warm)

    def result(method, sites, seed, lr):
        assert GLOBAL_BATCH % sites == 0, f"{GLOBAL_BATCH} sequences cannot be dealt to {sites} sites"
        return trials.result({"method": method, "sites": sites, "seed": seed, "lr": lr}, sites,
                             {"run.method": method, "inner.batch": GLOBAL_BATCH // sites, **({"outer.lr": lr} if lr else {})})

    first = options.seeds[0]
    baseline = [result("data_parallel", options.sites[0], seed, None) for seed in options.seeds]
    rows = [("data_parallel", "any", "-", baseline)]
    for sites in options.sites:
        for method in OUTER_METHODS:
            best = min(options.lrs, key=lambda lr: result(method, sites, first, lr)["val_loss"])
            rows.append((method, sites, best, [result(method, sites, seed, best) for seed in options.seeds]))

    tokens = {one["tokens"] for _, _, _, runs in rows for one in runs}
    assert len(tokens) == 1, f"not the same number of tokens: {tokens}"
    print("| method | sites | outer lr | validation loss, mean (spread) | against data_parallel | members a commit | MB through the syncer | s waited, all sites |")
    print("|--|--|--|--|--|--|--|--|")
    for method, sites, lr, runs in rows:
        outer = method != "data_parallel"  # whose ranks sum all gradients among themselves, every step
        print(f"| `{method}` | {sites} | {lr} | {mean_and_spread(runs)} | {100 * (mean(runs, 'val_loss') / mean(baseline, 'val_loss') - 1):+.2f} % | "
              f"{mean(runs, 'members') if outer else 0:.2f} | {mean(runs, 'wire_bytes') / 1e6 if outer else 0:.1f} | {mean(runs, 'waited_s'):.1f} |")


if __name__ == "__main__":
    main()
