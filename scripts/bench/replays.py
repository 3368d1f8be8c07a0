#!/usr/bin/env python3
"""Runs of four ranks under random stalls of their sites, each replayed under others: are all digests equal?

Sites are stopped and started from outside (SIGSTOP, SIGCONT), in the run and, at other moments, in its replay. Prints a
table: layout, stalls in the run, commits, whether every digest of the replay was the tape's, and whether one number
altered on a tape is found out; then how many of the runs with one layout differ from one another, which they must for
the replays to mean something.

Usage: scripts/bench/replays.py [--runs 20] [--build build/ci] [--json]
"""

import json
import sys

from tiny_runs import options_of, scratch_folder


def main():
    options = options_of(__doc__, runs=20)
    import stalls

    rows, histories = [], {}
    with scratch_folder() as folder:
        for number in range(options.runs):
            name, layout = list(stalls.LAYOUTS.items())[number % len(stalls.LAYOUTS)]
            stalled = stalls.train_stalled(folder, f"run_{number}", layout, number)
            code, found = stalls.replay(folder, f"run_{number}", layout.get("syncer.ranks", 1), 1000 + number)
            books = stalls.ledger(folder, f"run_{number}")
            life, = found["lives"]
            complete = (life["commits"], life["boundaries"]) == (life["taped_commits"], life["taped_boundaries"])
            rows.append({"run": number, "layout": name, "stalls": stalled, "commits": life["commits"],
                         "equal": code == 0 and found["equal"] and complete,
                         "imbalance": books["lives"][0]["imbalance"], "sound": books["sound"],
                         "alteration": stalls.find_alteration(folder, f"run_{number}", number)})
            history = tuple(version["theta"] for version in books["lives"][0]["versions"])
            histories.setdefault(name, set()).add(history)
            if not options.json:
                print("{run:>3}  {layout:<38} {stalls:>3} stalls {commits:>4} commits  {word:<9}  imbalance {imbalance}  alteration {alteration}".format(
                    word="equal" if rows[-1]["equal"] else "NOT EQUAL", **rows[-1]), flush=True)
    equal, different = sum(row["equal"] for row in rows), sum(map(len, histories.values()))
    result = {"runs": len(rows), "equal": equal, "different": different, "rows": rows}
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{equal} of {len(rows)} replays equal at every commit; {different} of {len(rows)} runs differ from all others")
    sys.exit(0 if equal == len(rows) and all(row["sound"] and row["alteration"] == "found" for row in rows) else 1)


if __name__ == "__main__":
    main()
