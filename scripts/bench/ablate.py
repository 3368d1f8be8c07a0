#!/usr/bin/env python3
"""What each rule of the decoupled method is worth: one rule at a time is changed, at equal tokens, and the loss compared.

Quorum, grace, receive and late are tried on four sites of unequal pace (sites.step_floor_s; the machine must be fast enough
for the floors to decide). Nobody waits in any of these runs, so equal time is equal tokens: the clock, which is the
quorum's slowest site, is set to the same number of seconds. The merges are tried at 2, 4 and 8 sites of equal pace, each
of which takes the same number of steps. Every run starts from the same warm model of its seed.

Usage: scripts/bench/ablate.py [--seeds 1 2 3] [--seconds 36] [--out runs/ablate.jsonl]
"""

import argparse

from trials import Trials, add_options, mean, mean_and_spread

FLOORS_S = [0.10, 0.12, 0.15, 0.25]
GLOBAL_BATCH = 16
REFERENCE = "K = 1, adaptive grace, overwrite, drop"
UNEQUAL = {  # against the reference
    "K = 1, no grace, drop": {"outer.grace": "none"},
    "K = 1, no grace, carry": {"outer.grace": "none", "outer.late": "carry"},
    "K = M": {"outer.quorum": len(FLOORS_S)},
    "blend": {"outer.receive": "blend"},
    "rebase": {"outer.receive": "rebase"},
}


def unequal(trials, seconds, seed, changes):
    settings = {"outer.quorum": 1, "outer.grace": "adaptive", "outer.receive": "overwrite", "outer.late": "drop", **changes}
    clock_step_s = FLOORS_S[settings["outer.quorum"] - 1]
    return trials.result({"seed": seed, "seconds": seconds, **settings}, len(FLOORS_S),
                         {**settings, "run.stop": "clock", "run.steps": round(seconds / clock_step_s), "inner.schedule": "constant",
                          "inner.batch": GLOBAL_BATCH // len(FLOORS_S), "sites.step_floor_s": FLOORS_S})


def equal(trials, sites, merge, seed):
    return trials.result({"seed": seed, "sites": sites, "merge": merge}, sites,
                         {"outer.merge": merge, "outer.quorum": sites, "inner.batch": GLOBAL_BATCH // sites})


def row(title, runs, reference):
    change = 100 * (mean(runs, "val_loss") / mean(reference, "val_loss") - 1)
    print(f"| {title} | {mean_and_spread(runs)} | {change:+.2f} % | {mean(runs, 'tokens') / 1e3:.0f} | {mean(runs, 'commits'):.0f} | "
          f"{mean(runs, 'members'):.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, deck="inputs/methods.toml", out="runs/ablate.jsonl")
    parser.add_argument("--seconds", type=float, default=36.0, help="that every site of unequal pace trains")
    parser.add_argument("--warm", type=int, default=150, help="steps of data_parallel before all runs")
    options = parser.parse_args()
    trials = Trials(options, warm=options.warm)

    def over_seeds(changes):
        return [unequal(trials, options.seconds, seed, changes) for seed in options.seeds]

    reference = over_seeds({})
    variants = {title: over_seeds(changes) for title, changes in UNEQUAL.items()}
    merges = {(sites, merge): [equal(trials, sites, merge, seed) for seed in options.seeds]
              for sites in [2, 4, 8] for merge in ["average", "rda"]}

    print("| variant | validation loss, mean (spread) | against the first | thousand tokens | commits | members a commit |")
    print("|--|--|--|--|--|--|")
    row(REFERENCE, reference, reference)
    for title, runs in variants.items():
        row(title, runs, reference)
    for (sites, merge), runs in merges.items():
        row(f"{merge}, {sites} sites", runs, merges[sites, "average"])


if __name__ == "__main__":
    main()
