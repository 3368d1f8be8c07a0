"""Runs that a script compares: each is made once, and what was measured of it is kept in a file of JSON lines."""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def add_options(parser, deck, out):
    parser.add_argument("--deck", default=deck)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=pathlib.Path, default=SOURCE / out, help="runs that are in it are not made again")


class Trials:
    def __init__(self, options, **common):
        """`common`: what else, besides the deck, every run of this script was made with."""
        self.options = options
        self.common = {"deck": options.deck, **common}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        self.results = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []

    def train(self, name, ranks, settings):
        """One run of the deck to its end; returns its folder."""
        folder = SOURCE / "runs" / name
        shutil.rmtree(folder, ignore_errors=True)
        command = [SOURCE / "scripts/mpirun.sh", "-n", ranks, SOURCE / self.options.build / "atoll", "train", SOURCE / self.options.deck]
        for key, value in {"run.name": name, **settings}.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        subprocess.run([str(part) for part in command], cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)
        return folder

    def warm_model(self, seed, steps):
        """From where all runs of a seed start: so many steps of data_parallel on two sites."""
        name = f"warm-{pathlib.Path(self.options.deck).stem}-{steps}-{seed}"
        if not (SOURCE / "runs" / name).exists():
            self.train(name, 3, {"run.method": "data_parallel", "run.seed": seed, "run.steps": steps, "inner.schedule": "constant"})
        return f"runs/{name}"

    def result(self, key, sites, settings):
        """`key` says in words and numbers what tells this run from the others; `settings` are those of its deck."""
        key = {**self.common, **key}
        for known in self.results:
            if key.items() <= known.items():
                return known
        if "warm" in key:
            settings = {**settings, "run.initial_model": self.warm_model(key["seed"], key["warm"])}
        name = "-".join(str(part) for part in [self.options.out.stem, *key.values()]).replace("/", "_")
        folder = self.train(name, 1 + sites, {"run.seed": key["seed"], "sites.count": sites, "syncer.ranks": 1, **settings})
        self.results.append({**key, **measure(folder)})
        shutil.rmtree(folder)
        with self.options.out.open("a") as out:
            out.write(json.dumps(self.results[-1]) + "\n")
        print(json.dumps(self.results[-1]), file=sys.stderr, flush=True)
        return self.results[-1]


def measure(folder):
    events = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        line = json.loads(line)
        events.setdefault(line["event"], []).append(line)
    end, = events["end"]
    final, = [line for line in events["eval"] if line.get("final")]
    leaving, commits = events["site_end"], events.get("commit", [])
    return {"val_loss": final["val_loss"], "tokens": sum(line["tokens"] for line in leaving), "time_s": end["time_s"],
            "wire_bytes": end["bytes_sent"] + end["bytes_received"],
            "contribution_bytes": sum(line["sent_bytes"].get("contribution", 0) for line in leaving),
            "release_bytes": end["bytes_sent"],  # of the one shard; what is not releases is little
            "waited_s": sum(line["waited_s"] for line in leaving), "commits": len(commits),
            "members": statistics.mean(len(line["members"]) for line in commits) if commits else None,
            "refused": len(events.get("fault", []))}


def mean(runs, figure):
    return statistics.mean(one[figure] for one in runs)


def mean_and_spread(runs):
    losses = [one["val_loss"] for one in runs]
    return f"{statistics.mean(losses):.4f} ({max(losses) - min(losses):.4f})"
