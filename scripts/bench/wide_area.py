#!/usr/bin/env python3
"""Two sites on two sides of a narrow link: what of their time they compute, by method and rate, and what crosses it.

Two network namespaces, one with the shard and site 0, one with site 1, joined by a link that tbf narrows both ways; all bytes are those
of its interface, MPI's own included. Needs root, iproute2 and a kernel with tbf; what it makes it takes away. Utilisation: steps taken
times the median step of `decoupled` without a limit, over the time they took; messages of all methods but data_parallel are 20 ms late, by
[link]. --volume: bytes a step, both directions together, at H = 100
with int4 both ways and at H = 24 with bf16, against data_parallel, and the most that crossed in any 100 ms.

Usage: scripts/bench/wide_area.py [--rates 50 200 1000 5000] [--intervals 24 128] [--methods ...] [--volume] [--json]
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading

SOURCE = pathlib.Path(__file__).resolve().parents[2]
NETWORK, HOSTS = "10.77.0.0/24", ("10.77.0.1", "10.77.0.2")
SIDES = (f"atoll{os.getpid()}a", f"atoll{os.getpid()}b")
METHODS = ("data_parallel", "diloco", "streaming", "decoupled")
WINDOW_S = 0.1
DELAY_MS = 20  # of the outer methods' messages, by [link]: data_parallel has none

COUNTER = f"""
import time
files = [open("/sys/class/net/wan/statistics/" + name) for name in ("tx_bytes", "rx_bytes")]
while True:
    for file in files:
        file.seek(0)
    print(*(file.read().strip() for file in files), flush=True)
    time.sleep({WINDOW_S})
"""


def call(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, **options)


@contextlib.contextmanager
def two_sides():
    try:
        for side in SIDES:
            call("ip", "netns", "add", side)
        call("ip", "link", "add", "wan", "netns", SIDES[0], "type", "veth", "peer", "name", "wan", "netns", SIDES[1])
        for side, host in zip(SIDES, HOSTS):
            call("ip", "-n", side, "addr", "add", f"{host}/24", "dev", "wan")
            for name in ("lo", "wan"):
                call("ip", "-n", side, "link", "set", name, "up")
        yield
    finally:
        for side in SIDES:
            subprocess.run(["ip", "netns", "del", side], check=False)


def narrow(rate):
    """Megabits a second, each way; 0: as fast as it goes."""
    for side in SIDES:
        tc = ("ip", "netns", "exec", side, "tc", "qdisc")
        subprocess.run([*tc, "del", "dev", "wan", "root"], check=False, stderr=subprocess.DEVNULL)
        if rate:
            burst = max(32_000, rate * 1_000_000 // 8 // 250)  # four milliseconds
            call(*tc, "add", "dev", "wan", "root", "tbf", "rate", f"{rate}mbit", "burst", burst, "latency", "50ms")


class Crossing:
    """What crosses the link while this lives, by windows."""

    def __enter__(self):
        self.process = subprocess.Popen(["ip", "netns", "exec", SIDES[0], sys.executable, "-c", COUNTER], stdout=subprocess.PIPE, text=True)
        self.totals = []
        self.thread = threading.Thread(target=lambda: self.totals.extend(sum(map(int, line.split())) for line in self.process.stdout))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.thread.join()

    @property
    def bytes(self):
        return self.totals[-1] - self.totals[0]

    @property
    def peak(self):
        return max(after - before for before, after in zip(self.totals, self.totals[1:]))


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.number = options, folder, 0
        (folder / "data").symlink_to(SOURCE / "data")
        # What Open MPI takes for ssh: the other host is the other side, under another name, since shared memory goes by names.
        self.agent = folder / "agent.sh"
        self.agent.write_text(f'#!/bin/sh\nshift\nexec ip netns exec {SIDES[1]} unshare --uts sh -c "hostname {SIDES[1]}; $*"\n')
        self.agent.chmod(0o755)

    def run(self, rate, steps, settings):
        """Metrics of the steps and evaluations of a run over a link of this rate, and what crossed."""
        narrow(rate)
        self.number += 1
        keys = {"run.name": f"run_{self.number}", "run.steps": steps, "eval.every_steps": 0, "eval.batches": 1, "checkpoint.every_steps": 0,
                "inner.warmup_steps": 0, "outer.dead_after_s": 120.0, **settings}
        command = ["ip", "netns", "exec", SIDES[0], SOURCE / "scripts/mpirun.sh", "--host", f"{HOSTS[0]}:2,{HOSTS[1]}:1",
                   "--prtemca", "plm_ssh_agent", self.agent, "--prtemca", "prte_if_include", NETWORK, "--mca", "btl_tcp_if_include", NETWORK,
                   "-n", 3, SOURCE / self.options.build / "atoll", "train", SOURCE / self.options.deck]
        for key, value in keys.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        with Crossing() as crossing:
            done = subprocess.run([str(word) for word in command], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{settings} at {rate} Mbit/s: {done.stdout}{done.stderr}")
        lines = (self.folder / "runs" / keys["run.name"] / "metrics.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == "step"], crossing

    def deck_of(self, method, interval):
        if method == "data_parallel":
            return {"run.method": method}
        return {"run.method": method, "outer.interval_steps": interval, "run.stop": "each", "link.delay_ms": DELAY_MS,
                **({"outer.fragments": 1} if method == "diloco" else {})}

    def utilisation(self):
        free, _ = self.run(0, 40, self.deck_of("decoupled", 24))
        step_s = statistics.median(line["step_s"] for line in free)
        rows = []
        for rate in self.options.rates:
            for method in self.options.methods:
                for interval in [0] if method == "data_parallel" else self.options.intervals:
                    steps, crossing = self.run(rate, max(8, 3 * interval // 2 + 2), self.deck_of(method, interval))
                    shares = []
                    for site in {line["site"] for line in steps}:
                        own = [line for line in steps if line["site"] == site]
                        shares.append((len(own) - 1) * step_s / (own[-1]["time_s"] - own[0]["time_s"]))
                    rows.append({"mbit_s": rate, "method": method, "H": interval or 1, "utilisation": min(1.0, statistics.mean(shares)),
                                 "bytes_a_step": crossing.bytes / steps[-1]["step"], "peak_mbit_s": crossing.peak * 8 / WINDOW_S / 1e6})
                    self.tell(rows[-1])
        return rows

    def volume(self):
        rows = []
        cases = {"data_parallel": (12, self.deck_of("data_parallel", 0)),
                 "decoupled, H = 24, bf16": (96, self.deck_of("decoupled", 24) | {"outer.codec": "bf16", "outer.release_codec": "bf16"}),
                 "decoupled, H = 100, int4": (400, self.deck_of("decoupled", 100) | {"outer.codec": "int4", "outer.release_codec": "int4"})}
        for name, (steps, settings) in cases.items():
            # The first model and the end are no part of a step: the difference of two lengths is.
            (_, short), (_, long) = self.run(0, steps // 2, settings), self.run(0, steps, settings)
            rows.append({"method": name, "bytes_a_step": (long.bytes - short.bytes) / (steps - steps // 2),
                         "peak_mbit_s": long.peak * 8 / WINDOW_S / 1e6})
            rows[-1]["fewer"] = rows[0]["bytes_a_step"] / rows[-1]["bytes_a_step"]
            self.tell(rows[-1])
        return rows

    def tell(self, row):
        if not self.options.json:
            print(", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", nargs="+", type=int, default=[50, 200, 1000, 5000])
    parser.add_argument("--intervals", nargs="+", type=int, default=[24, 128])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--volume", action="store_true")
    parser.add_argument("--deck", default="inputs/quickstart.toml")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as folder, two_sides():
        bench = Bench(options, pathlib.Path(folder))
        rows = bench.volume() if options.volume else bench.utilisation()
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
