#!/usr/bin/env python3
"""Whether fragments cost time: P = 12 against the whole model at once, P = 1, at equal tokens.

Two sites and a shard train so many steps with each, in turns, all else equal. A run's time is from every site's step 10 to its last, so
that start and end do not count; the figure is the median over pairs of the ratio of times.

Usage: scripts/bench/fragments.py [--pairs 5] [--steps 106] [--fragments 12] [--json]
"""

import argparse
import json
import statistics

from options import positive
from trials import SOURCE, Trials

FIRST = 10


def seconds(folder):
    steps = [line for line in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if line["event"] == "step"]
    times = {(line["site"], line["step"]): line["time_s"] for line in steps}
    last = max(step for _, step in times)
    return statistics.mean(times[site, last] - times[site, FIRST] for site in {site for site, _ in times})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deck", default="inputs/quickstart.toml")
    parser.add_argument("--build", default="build/release")
    parser.set_defaults(out=SOURCE / "runs/fragments.jsonl")  # where Trials would look for runs that it keeps; these are made anew
    parser.add_argument("--pairs", type=positive, default=5)
    parser.add_argument("--steps", type=positive, default=FIRST + 96)
    parser.add_argument("--fragments", type=positive, default=12)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    trials = Trials(options)

    def run(fragments):
        return seconds(trials.train(f"fragments-{fragments}", 3, {
            "run.steps": options.steps, "run.stop": "each", "outer.fragments": fragments, "outer.interval_steps": 24, "eval.every_steps": 0,
            "eval.batches": 1, "checkpoint.every_steps": 0}))

    ratios = []
    for pair in range(options.pairs):
        order = (options.fragments, 1) if pair % 2 == 0 else (1, options.fragments)
        time_s = {fragments: run(fragments) for fragments in order}
        ratios.append(time_s[options.fragments] / time_s[1])
    result = {"fragments": options.fragments, "steps": options.steps, "ratio": statistics.median(ratios), "ratios": ratios}
    print(json.dumps(result, indent=2) if options.json else
          f"P = {options.fragments} takes {result['ratio']:.3f} x the time of P = 1 ({', '.join(f'{ratio:.3f}' for ratio in ratios)})")


if __name__ == "__main__":
    main()
