#!/usr/bin/env python3
"""Poisoned contributions: sites send what is damaged, not finite, too large, too old, of another deck, or sent twice; and each run is replayed.

For each codec of contributions one run, in which every kind is done three times; printed are how many were done and refused, by
reason, and whether the digest of every version is equal in a replay in which nothing is spoilt and who was refused is absent. Then
likewise a run whose shard is killed, where contributions are sent to the owner before (old term).

Usage: scripts/bench/poisoned.py [--runs TIMES_EACH] [--build build/ci] [--json]
"""

import json
import sys

from tiny_runs import options_of, scratch_folder


def main():
    options = options_of(__doc__, runs=3)
    import poison

    rows = []
    with scratch_folder() as folder:
        for codec in ("fp32", "bf16", "int8"):
            hows = [how for how in poison.REASONS if how != "term"] * options.runs
            rows.append({"run": codec} | poison.poisoned(folder, f"poisoned_{codec}", hows, codec))
        rows.append({"run": "killed shard"} | poison.to_earlier_owner(folder, "old_term", options.runs))
    for row in rows:
        expected = {poison.REASONS[how]: options.runs for how in row["done"]}
        row["right"] = row["refused"] == expected and row["digests_equal"]
        if not options.json:
            print(f"{row['run']}: {len(row['done'])} done; refused " + ", ".join(f"{n} {why}" for why, n in row["refused"].items()))
            print(f"  replay: all {row['commits']} digests equal" if row["digests_equal"] else f"  replay: {row['replay']}")
    if options.json:
        print(json.dumps(rows, indent=2))
    sys.exit(0 if all(row["right"] for row in rows) else 1)


if __name__ == "__main__":
    main()
