#!/usr/bin/env python3
"""A storm of kills and stalls over four paced sites: what it costs `decoupled`, and what it costs `data_parallel` that restarts from checkpoints.

Sites of the tiny deck take a step every --floor seconds, which stands for a step of --real-step seconds: so 125 faults an hour become
125 * real-step / floor. Faults are drawn by [storm] (kill, stall for 1 to 3 s, on any rank) from the number of the run; both methods meet
the same. A run of either ends when its clock has --steps steps; data_parallel is started again with --resume until then.

committed   tokens in commits, a fragment at a time and divided by their number, against those of the run without faults less those that
            stalled sites would have made meanwhile (kills count as no outage of their own: what they cost is the system's)
loss        final validation loss against that of the run without faults at as many committed tokens
goodput     committed tokens a second, against the same method without faults

Usage: scripts/bench/storm_rate.py [--runs 1] [--steps 700] [--floor 0.1] [--real-step 0.3] [--build build/ci] [--json]
"""

import json
import os
import statistics
import subprocess
import sys
import time

from tiny_runs import options_of, scratch_folder

SITES, FRAGMENTS, STEP_TOKENS = 4, 4, 4 * 64  # of a site, in the tiny deck
SHORTEST_S, LONGEST_S = 1.0, 3.0
MOST_LIVES = 200


class Run:
    """A run under `atoll launch`, to its end; `lives` starts of it."""

    def __init__(self, folder, name, keys):
        from support import TINY

        keys = {"run.name": name, "sites.count": SITES} | keys
        command = [os.environ["ATOLL"], "launch", TINY, "--resume"]
        for key, value in keys.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        self.path, self.lives, begin = folder / "runs" / name, 0, time.monotonic()
        code = 75
        while code in (3, 75) and self.lives < MOST_LIVES:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            code, self.lives = done.returncode, self.lives + 1
        self.seconds = time.monotonic() - begin
        if code != 0:
            sys.exit(f"{name} ended with code {code} after {self.lives} lives:\n{done.stderr}")
        self.lines = [json.loads(line) for line in (self.path / "metrics.jsonl").read_text().splitlines()]

    def of(self, event):
        return [line for line in self.lines if line["event"] == event]

    def committed(self, until_s=None):
        return sum(line["tokens"] for line in self.of("commit") if until_s is None or line["time_s"] <= until_s) / FRAGMENTS

    def final_loss(self):
        return [line["val_loss"] for line in self.of("eval") if line["final"]][-1]

    def loss_at(self, tokens):
        """Between its evaluations, on a straight line."""
        seen = [(self.committed(line["time_s"]), line["val_loss"]) for line in self.of("eval")]
        for (a, loss_a), (b, loss_b) in zip(seen, seen[1:]):
            if a <= tokens <= b and a < b:
                return loss_a + (loss_b - loss_a) * (tokens - a) / (b - a)
        return seen[-1][1]


def stalled_tokens(run, floor_s):
    """What the sites that stood still would have trained on, up to the end of the run; and how often each kind of fault was done."""
    from poison import told

    end_s, tokens, count = run.of("end")[-1]["time_s"], 0.0, {}
    for line in told(run.path):
        count[line["do"]] = count.get(line["do"], 0) + 1
        tokens += min(line.get("for_s", 0.0), max(0.0, end_s - line["time_s"])) / floor_s * STEP_TOKENS
    return tokens, count


def compare(folder, seed, options):
    steps, floor_s = int(options.steps), float(options.floor)
    rate = 125.0 * float(options.real_step) / floor_s
    common = {"run.steps": steps, "run.seed": seed, "sites.step_floor_s": floor_s, "checkpoint.every_steps": 50, "eval.every_steps": steps // 20,
              "eval.batches": 64, "outer.dead_after_s": 2.0}
    storm = {"storm.faults_per_hour": rate, "storm.seed": seed, "storm.do": ["kill", "stall"], "storm.for_s": [SHORTEST_S, LONGEST_S]}
    parallel = {"run.method": "data_parallel"}
    calm = Run(folder, f"calm_{seed}", common)
    stormy = Run(folder, f"stormy_{seed}", common | storm)
    parallel_calm = Run(folder, f"parallel_calm_{seed}", common | parallel)
    parallel_stormy = Run(folder, f"parallel_stormy_{seed}", common | parallel | storm)
    if stormy.lives > 1:
        sys.exit(f"the storm of seed {seed} ended the decoupled run {stormy.lives - 1} times, which it should not")
    outage, faults = stalled_tokens(stormy, floor_s)
    _, parallel_faults = stalled_tokens(parallel_stormy, floor_s)
    lost_to = [line["time_s"] for line in stormy.of("return")]
    return {"seed": seed, "faults_per_hour": rate, "faults": faults, "returns": len(lost_to),
            "seconds": {run.path.name: run.seconds for run in (calm, stormy, parallel_calm, parallel_stormy)},
            "tokens_calm": calm.committed(), "tokens_stormy": stormy.committed(), "tokens_outage": outage,
            "committed": stormy.committed() / (calm.committed() - outage),
            "loss_calm": calm.final_loss(), "loss_stormy": stormy.final_loss(),
            "loss": stormy.final_loss() / calm.loss_at(stormy.committed()) - 1,
            "goodput": (stormy.committed() / stormy.seconds) / (calm.committed() / calm.seconds),
            "parallel_faults": parallel_faults, "parallel_lives": parallel_stormy.lives,
            "parallel_goodput": parallel_calm.seconds / parallel_stormy.seconds,
            "parallel_loss": parallel_stormy.final_loss()}


def main():
    options = options_of(__doc__, runs=1, extra={"--steps": "700", "--floor": "0.1", "--real-step": "0.3"})
    rows = []
    with scratch_folder() as folder:
        for seed in range(1, options.runs + 1):
            rows.append(compare(folder, seed, options))
            if not options.json:
                print("seed {seed}: {faults} at {faults_per_hour:.0f} an hour; committed {committed:.1%}, loss {loss:+.2%} ({loss_calm:.4f} calm, {loss_stormy:.4f}), "
                      "goodput {goodput:.1%}; data_parallel: {parallel_faults}, {parallel_lives} lives, goodput {parallel_goodput:.1%}; seconds ".format(
                          **rows[-1]) + ", ".join(f"{name} {s:.0f}" for name, s in rows[-1]["seconds"].items()), flush=True)
    means = {key: statistics.mean(row[key] for row in rows) for key in ("committed", "loss", "goodput", "parallel_goodput")}
    if options.json:
        print(json.dumps({"rows": rows, "mean": means}, indent=2))
    else:
        print("mean: committed {committed:.1%}, loss {loss:+.2%}, goodput {goodput:.1%}; data_parallel {parallel_goodput:.1%}".format(**means))


if __name__ == "__main__":
    main()
