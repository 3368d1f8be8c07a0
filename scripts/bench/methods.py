#!/usr/bin/env python3
"""Compares the four methods at equal tokens: validation loss, bytes on the wire, seconds that sites waited.

Every run starts from the same warm model of its seed (data_parallel, --warm steps). The outer learning rate of each
method and number of sites is chosen from the same grid on the first seed; the other seeds use the choice. data_parallel
has no outer rule, and its batches are the same whatever the number of sites: it runs once a seed.
Results are appended to --out as they come, and what is there already is not run again.

Usage: scripts/bench/methods.py [--sites 2 4] [--seeds 1 2 3] [--lrs 0.4 0.7 1.0] [--out runs/methods.jsonl]
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
GLOBAL_BATCH = 16
OUTER_METHODS = ["diloco", "streaming", "decoupled"]


def train(options, name, settings, ranks):
    """One run to its end; returns its metrics as a list of objects."""
    folder = SOURCE / "runs" / name
    shutil.rmtree(folder, ignore_errors=True)
    command = [SOURCE / "scripts/mpirun.sh", "-n", ranks, SOURCE / options.build / "atoll", "train", SOURCE / options.deck]
    for key, value in {"run.name": json.dumps(name), **settings}.items():
        command += ["--set", f"{key}={value}"]
    subprocess.run([str(part) for part in command], cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def run(options, method, sites, seed, lr):
    name = f"methods-{method}-{sites}-{seed}-{lr}"
    assert GLOBAL_BATCH % sites == 0, f"{GLOBAL_BATCH} sequences cannot be dealt to {sites} sites"
    settings = {"run.method": json.dumps(method), "run.seed": seed, "sites.count": sites,
                "inner.batch": GLOBAL_BATCH // sites, "run.initial_model": json.dumps(f"runs/methods-warm-{seed}"),
                **({"outer.lr": lr} if lr else {})}
    metrics = train(options, name, settings, 1 + sites)
    shutil.rmtree(SOURCE / "runs" / name)
    final = [line for line in metrics if line["event"] == "eval" and line.get("final")][0]
    end = [line for line in metrics if line["event"] == "end"][0]
    leaving = [line for line in metrics if line["event"] == "site_end"]
    commits = [line for line in metrics if line["event"] == "commit"]
    return {"method": method, "sites": sites, "seed": seed, "lr": lr, "deck": options.deck, "warm": options.warm, "val_loss": final["val_loss"],
            "tokens": sum(line["tokens"] for line in leaving), "wire_bytes": end["bytes_sent"] + end["bytes_received"],
            "waited_s": sum(line["waited_s"] for line in leaving), "time_s": end["time_s"],
            "members": statistics.mean(len(line["members"]) for line in commits) if commits else None}


def wire(method, runs):
    """The syncer's traffic both ways. data_parallel has none: its ranks sum all gradients among themselves, every step."""
    return "-" if method == "data_parallel" else f"{statistics.mean(one['wire_bytes'] for one in runs) / 1e6:.1f}"


def spread(values):
    return max(values) - min(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deck", default="inputs/methods.toml")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--sites", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--lrs", type=float, nargs="+", default=[0.4, 0.7, 1.0])
    parser.add_argument("--warm", type=int, default=150, help="steps of data_parallel before all runs")
    parser.add_argument("--out", type=pathlib.Path, default=SOURCE / "runs/methods.jsonl")
    options = parser.parse_args()

    options.out.parent.mkdir(exist_ok=True)
    results = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []

    def result(method, sites, seed, lr):
        key = {"method": method, "sites": sites, "seed": seed, "lr": lr, "deck": options.deck, "warm": options.warm}
        for known in results:
            if key.items() <= known.items():
                return known
        if not (SOURCE / f"runs/methods-warm-{seed}").exists():
            train(options, f"methods-warm-{seed}", {"run.method": '"data_parallel"', "run.seed": seed,
                                                    "run.steps": options.warm, "inner.schedule": '"constant"'}, 3)
        results.append(run(options, method, sites, seed, lr))
        with options.out.open("a") as out:
            out.write(json.dumps(results[-1]) + "\n")
        print(json.dumps(results[-1]), flush=True)
        return results[-1]

    first = options.seeds[0]
    baseline = [result("data_parallel", options.sites[0], seed, None) for seed in options.seeds]
    base = statistics.mean(one["val_loss"] for one in baseline)
    rows = [("data_parallel", "any", "-", baseline)]
    for sites in options.sites:
        for method in OUTER_METHODS:
            best = min(options.lrs, key=lambda lr: result(method, sites, first, lr)["val_loss"])
            rows.append((method, sites, best, [result(method, sites, seed, best) for seed in options.seeds]))

    tokens = {one["tokens"] for _, _, _, runs in rows for one in runs}
    assert len(tokens) == 1, f"not the same number of tokens: {tokens}"
    print("\n| method | sites | outer lr | validation loss, mean (spread) | against data_parallel | members a commit | MB on the wire | s waited, all sites |")
    print("|--|--|--|--|--|--|--|--|")
    for method, sites, lr, runs in rows:
        losses = [one["val_loss"] for one in runs]
        mean = statistics.mean(losses)
        members = f"{statistics.mean(one['members'] for one in runs):.2f}" if runs[0]["members"] else "-"
        print(f"| `{method}` | {sites} | {lr} | {mean:.4f} ({spread(losses):.4f}) | {100 * (mean / base - 1):+.2f} % | {members} | "
              f"{wire(method, runs)} | {statistics.mean(one['waited_s'] for one in runs):.1f} |")


if __name__ == "__main__":
    main()
