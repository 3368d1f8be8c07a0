#!/usr/bin/env python3
"""Storms: jobs whose processes are killed (SIGKILL) from outside at random moments; does each come to its end with one model?

Thirteen kinds in turn: a rank of a site (all repairs), its leader, both one after the other, a whole site, a shard with a backup, two at once, one during a join, one
during a checkpoint. A run is right when it ends by itself with all its steps, every version of every fragment follows the one
before, every site comes to the end, and all of them end with the same outer parameters. With --json one object.

Usage: scripts/storm.sh [--runs 100] [--build build/ci] [--json]
"""

import json
import sys

from tiny_runs import options_of, rows_of


def main():
    options = options_of(__doc__, runs=100)
    import storms

    rows, seconds = rows_of(
        options, lambda folder, number: storms.weather(folder, f"run_{number}", number),
        lambda number, row: "{run:>3}  {kind:<20} at step {step:>3}  {says}".format(run=number, says=row["wrong"] or "right", **row))
    right = sum(not row["wrong"] for row in rows)
    if options.json:
        print(json.dumps({"runs": len(rows), "right": right, "rows": rows}, indent=2))
    else:
        print(f"{right} of {len(rows)} right; {seconds:.0f} s")
    sys.exit(0 if right == len(rows) else 1)


if __name__ == "__main__":
    main()
