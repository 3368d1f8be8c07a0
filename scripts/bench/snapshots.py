#!/usr/bin/env python3
"""Checkpoints of running jobs, taken at random moments: does what goes on from them keep its books, and can it be told again?

Each job has four ranks, sites that are stopped and started from outside, and a checkpoint every so often, by the clock. It is
killed some time after one and resumed to its end. Prints a table: messages that were on their way at the cut; whether the
ledger of both lives is sound; whether the killed life, told again from the snapshot on, has the digests of its tapes; and the
same of the resumed life from a snapshot of its own to its end. With --json one object.

Usage: scripts/bench/snapshots.py [--runs 50] [--build build/ci] [--json]
"""

import json
import sys

from tiny_runs import options_of, rows_of


def main():
    options = options_of(__doc__, runs=50)
    import cuts

    rows, seconds = rows_of(
        options, lambda folder, number: cuts.kill_and_go_on(folder, f"run_{number}", number),
        lambda number, row: "{run:>3}  {layout:<38} step {step:>4}  {contributions:>2} contributions, {releases:>2} releases in flight  "
                            "{books:<8} {told:<9} {to_the_end:<9}".format(run=number, **row))
    good = sum(row["books"] == "sound" and row["told"] == "equal" and row["to_the_end"] == "equal" for row in rows)
    busy = sum(row["contributions"] + row["releases"] > 0 for row in rows)
    if options.json:
        print(json.dumps({"runs": len(rows), "good": good, "with_messages_in_flight": busy, "rows": rows}, indent=2))
    else:
        print(f"{good} of {len(rows)} sound and equal; {busy} cuts with messages in flight; {seconds:.0f} s")
    sys.exit(0 if good == len(rows) else 1)


if __name__ == "__main__":
    main()
