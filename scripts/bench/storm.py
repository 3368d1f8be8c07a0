#!/usr/bin/env python3
"""Storms: jobs whose processes are killed (SIGKILL) from outside at random moments; does each come to its end with one model?

Ten kinds in turn: a rank of a site (all repairs), its leader, a whole site, a shard with a backup, two at once, one during a join, one
during a checkpoint. A run is right when it ends by itself with all its steps, every version of every fragment follows the one
before, every site comes to the end, and all of them end with the same outer parameters. With --json one object.

Usage: scripts/storm.sh [--runs 100] [--build build/ci] [--json]
"""

import collections
import json
import sys
import time

from tiny_runs import options_of, scratch_folder


def main():
    options = options_of(__doc__, runs=100)
    import storms

    rows, begin = [], time.monotonic()
    with scratch_folder() as folder:
        for number in range(options.runs):
            rows.append(storms.weather(folder, f"run_{number}", number))
            if not options.json:
                print("{run:>3}  {kind:<20} at step {step:>3}  {says}".format(run=number, says=rows[-1]["wrong"] or "right", **rows[-1]),
                      flush=True)
    good = collections.Counter(row["kind"] for row in rows if not row["wrong"])
    right = sum(good.values())
    if options.json:
        print(json.dumps({"runs": len(rows), "right": right, "rows": rows}, indent=2))
    else:
        print(f"{right} of {len(rows)} right; {time.monotonic() - begin:.0f} s")
    sys.exit(0 if right == len(rows) else 1)


if __name__ == "__main__":
    main()
