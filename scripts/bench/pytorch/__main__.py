"""Training on two cores beside PyTorch: same model, initial parameters, tokens, AdamW and clipping.

atoll runs two ranks of one thread (or one of two), PyTorch one process of two threads, eagerly and compiled. First ten losses are compared; then
both train in turns, a block each, and what counts is the ratio of their median tokens a second in each pair of blocks.
S: GPT-2 style, 6 layers of 384, T 256, batch 8, vocabulary 4096. M: Llama style, 8 of 512, T 512, batch 4, 8192. G: GPT-2 124M, T 1024,
batch 2.

Usage: PYTHON scripts/bench/pytorch [--models S M G] [--precisions fp32 bf16] [--pairs 5] [--steps 8] [--ranks 2] [--micro-batch 0] [--recompute] [--build build/release] [--json]
PYTHON is one with torch and numpy: python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading

try:
    import peer
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: call this with a Python that has torch and numpy\n\n{__doc__}")
from options import positive
from sizes import SIZES, deck_of, write_tokens  # beside this folder, where peer has looked

SOURCE = pathlib.Path(__file__).resolve().parents[3]
MODES = ("eager", "compile")
WARM_UP = 2  # steps of ours that do not count in a block: memory is touched for the first time


class Peer:
    """A PyTorch process that trains when it is told to, and sleeps else."""

    def __init__(self, folder, name, mode, precision):
        command = [sys.executable, pathlib.Path(peer.__file__), name, folder / "tokens/train.bin", folder / "initial", mode, precision, 2]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def train(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """Jobs of one site, from the peer's initial parameters."""

    def __init__(self, folder, name, precision, options):
        self.folder, self.precision, self.atoll, self.number = folder, precision, SOURCE / options.build / "atoll", 0
        self.ranks = options.ranks
        size = SIZES[name]
        if not (folder / "imported").exists():
            self.run([self.atoll, "import", "initial", "--out", "imported", "--tokenizer", "none"])
        self.keys = deck_of(size, precision, "tokens") | {
            "run.initial_model": "imported", "sites.ranks": [self.ranks], "inner.batch": size["batch"], "inner.lr": peer.LR,
            "inner.betas": list(peer.BETAS), "inner.weight_decay": peer.DECAY, "inner.clip_norm": peer.CLIP, "inner.micro_batch": options.micro_batch,
            "model.recompute": options.recompute}

    def run(self, command):
        done = subprocess.run([str(word) for word in command], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(str(word) for word in command)}\n{done.stdout}{done.stderr}")

    def train(self, steps):
        self.number += 1
        keys = self.keys | {"run.name": f"{self.precision}_{self.number}", "run.steps": WARM_UP + steps}
        command = [SOURCE / "scripts/mpirun.sh", "-n", 1 + self.ranks, self.atoll, "train", SOURCE / "inputs/tiny.toml"]
        for key, value in keys.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        with PeakMemory(self.atoll) as memory:
            self.run(command)
        lines = (self.folder / f"runs/{self.precision}_{self.number}/metrics.jsonl").read_text().splitlines()
        lines = [line for line in map(json.loads, lines) if line["event"] == "step"]
        return {"losses": [line["loss"] for line in lines], "seconds": [line["step_s"] for line in lines[WARM_UP:]],
                "peak_bytes": memory.bytes}


class PeakMemory:
    """Of the ranks of the site, together: the most that each held, looked at while they run. Pages of files count once."""

    def __init__(self, program):
        self.program, self.peaks, self.is_over = program.resolve(), {}, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def watch(self):
        while not self.is_over.wait(0.2):
            for entry in pathlib.Path("/proc").iterdir():
                try:
                    if not entry.name.isdigit() or (entry / "exe").resolve() != self.program:
                        continue
                    if b"OMPI_COMM_WORLD_RANK=0\0" in (entry / "environ").read_bytes():
                        continue  # the shard
                    status = (entry / "status").read_text()
                except OSError:
                    continue
                kib = {name: int(value.split()[0]) for name, value in (line.split(":", 1) for line in status.splitlines())
                       if name in ("VmHWM", "RssFile")}
                if len(kib) == 2:
                    self.peaks[entry.name] = (kib["VmHWM"], kib["RssFile"])

    @property
    def bytes(self):
        files = [file for _, file in self.peaks.values()]
        return 1024 * (sum(peak for peak, _ in self.peaks.values()) - sum(files) + max(files, default=0))


def compare(folder, name, precision, options):
    size = SIZES[name]
    tokens_a_step = size["batch"] * size["context"]
    peers, first = {}, {}
    for mode in MODES:  # one after the other: the first makes the initial parameters
        peers[mode] = Peer(folder, name, mode, precision)
        first[mode] = peers[mode].train(10)
    ours = Ours(folder, name, precision, options)
    losses = ours.train(10 - WARM_UP)["losses"]
    apart = max(abs(a / b - 1) for a, b in zip(losses, first["eager"]["losses"]))
    rows, memory = [], {}
    for _ in range(options.pairs):
        row = {}
        for who, one in ({"atoll": ours} | peers).items():
            block = one.train(options.steps)
            row[who] = tokens_a_step / statistics.median(block["seconds"])
            memory[who] = max(memory.get(who, 0), block["peak_bytes"])
        rows.append(row)
    for one in peers.values():
        one.close()
    median = {who: statistics.median(row[who] for row in rows) for who in rows[0]}
    best = max(MODES, key=median.get)
    return {"model": name, "precision": precision, "losses": losses, "losses_apart": apart, "tokens_per_s": median, "best": best,
            "ratios": [row["atoll"] / row[best] for row in rows], "ratio": statistics.median(row["atoll"] / row[best] for row in rows),
            "peak_bytes": memory, "memory_ratio": memory["atoll"] / min(memory[mode] for mode in MODES)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=SIZES, default=["S", "M"])
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32"])
    parser.add_argument("--pairs", type=positive, default=5)
    parser.add_argument("--steps", type=positive, default=8)
    parser.add_argument("--ranks", type=int, choices=[1, 2], default=2, help="one of two threads wants a Kokkos with OpenMP")
    parser.add_argument("--micro-batch", type=int, default=0, help="sequences a rank takes through the model at once, to save memory; 0: all")
    parser.add_argument("--recompute", action="store_true", help="activations are computed again in the backward pass, to save more")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(2 // options.ranks)  # ours; PyTorch is told by its own call
    rows = []
    for name in options.models:
        with tempfile.TemporaryDirectory(prefix="atoll-bench-") as scratch:
            folder = pathlib.Path(scratch)
            write_tokens(folder / "tokens", SIZES[name])
            for precision in options.precisions:
                row = compare(folder, name, precision, options)
                rows.append(row)
                if not options.json:
                    speed = row["tokens_per_s"]
                    print(f"{name} {precision}: {speed['atoll']:.0f} tokens/s against {speed['eager']:.0f} eager, {speed['compile']:.0f} compiled: "
                          f"{row['ratio']:.2f} x ({min(row['ratios']):.2f} to {max(row['ratios']):.2f}); ten losses within {row['losses_apart']:.1e}; "
                          f"peak memory {row['peak_bytes']['atoll'] / 2**20:.0f} MiB, {row['memory_ratio']:.2f} x", flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
