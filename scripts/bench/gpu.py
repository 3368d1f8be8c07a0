#!/usr/bin/env python3
"""What is to be known of a build for GPUs, one check after the other; each wants one GPU.

speed     --deck at one site and at two that share the GPU: seconds a step and tokens a second
exchange  what the outer exchange costs a step of site 0 there (exchange_cost.py --sites 2)
repeat    --deck twice by `streaming`, in which timing decides nothing: are all losses and models the same, to the bit?
replay    --deck by `decoupled`, and its replay: is every digest the tape's?
losses    --loss-deck in bf16 by --build and in fp32 by --host-build, by `streaming`: how far losses are apart

The text is any, as bytes: build/.../atoll data prepare TEXT --bytes --out data/bytes. A check that fails ends the script with 1, after
the others.

Usage: scripts/bench/gpu.py [CHECK...] [--build build/cuda] [--host-build build/release] [--deck inputs/gpu/gpt2_124m.toml] [--json]
"""

import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from options import positive

SOURCE = pathlib.Path(__file__).resolve().parents[2]
QUIET = {"checkpoint.every_steps": 0, "eval.every_steps": 0, "inner.warmup_steps": 10}
EXACT = {**QUIET, "run.method": "streaming", "run.stop": "each", "run.deterministic": True}
FIRST_STEPS = 10  # in which a GPU and its libraries warm up


class Run:
    """A finished run of a deck, in a folder of its own. Without a folder `atoll` has failed, and said why."""

    def __init__(self, folder, build, deck, settings):
        self.folder, self.build, self.ranks = pathlib.Path(folder), build, 1 + settings.get("sites.count", 2)
        settings = {"run.name": "run", "sites.data": "data/bytes", "data.tokenizer": "bytes", **settings}
        (self.folder / "data").symlink_to(SOURCE / "data")
        self.atoll("train", SOURCE / deck, *(word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")))
        self.events = [json.loads(line) for line in (self.folder / "runs/run/metrics.jsonl").read_text().splitlines()]

    def atoll(self, *arguments, check=True):
        command = [SOURCE / "scripts/mpirun.sh", "-n", self.ranks, SOURCE / self.build / "atoll", *arguments]
        return subprocess.run([str(part) for part in command], cwd=self.folder, check=check, capture_output=not check, text=True,
                              **({"stdout": sys.stderr} if check else {}))

    def of(self, event, site=None):
        return [line for line in self.events if line["event"] == event and site in (None, line.get("site"))]

    def losses(self):
        return {(line["site"], line["step"]): line["loss"] for line in self.of("step")}

    def models(self):
        return {line["site"]: line["model"] for line in self.of("site_end")}, self.of("eval")[-1]["model_digest"]


@contextlib.contextmanager
def run(build, deck, settings):
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as folder:
        yield Run(folder, build, deck, settings)


def speed(options):
    result = {}
    for sites in (1, 2):
        with run(options.build, options.deck, {**QUIET, "run.steps": options.steps, "sites.count": sites}) as made:
            later = [line for line in made.of("step") if line["step"] > FIRST_STEPS]
            rates = [statistics.median(line["tokens_per_s"] for line in later if line["site"] == site) for site in range(sites)]
            result[f"step_s_{sites}"] = statistics.median(line["step_s"] for line in later if line["site"] == 0)
            result[f"tokens_per_s_{sites}"] = sum(rates)
    return True, result, "one site {step_s_1:.4f} s a step, {tokens_per_s_1:.0f} tokens/s; two {step_s_2:.4f} s, {tokens_per_s_2:.0f} tokens/s"


def exchange(options):
    command = [sys.executable, SOURCE / "scripts/bench/exchange_cost.py", "--build", options.build, "--deck", options.deck, "--sites", "2",
               "--pairs", options.pairs, "--json"]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)
    bound = result["upper_bound_95_percent"]
    return True, result, "{median_cost_percent:+.2f} % of a step of {step_s_without:.4f} s" + (
        ", no bound of fewer than five pairs" if bound is None else ", 95 % upper bound {upper_bound_95_percent:+.2f} %")


def repeat(options):
    found = []
    for _ in range(2):
        with run(options.build, options.deck, {**EXACT, "run.steps": options.steps}) as made:
            found.append((made.losses(), made.models()))
    (losses, models), (again, models_again) = found
    different = [step for (_, step), loss in losses.items() if again.get((_, step)) != loss]
    result = {"steps": len(losses), "different_losses": len(different), "first_different_step": min(different, default=None),
              "same_models": models == models_again}
    first = ", first at step {first_different_step}" if different else ""
    return not different and models == models_again, result, (
        "{different_losses} of {steps} losses differ" + first + "; models the same: {same_models}")


def replay(options):
    with run(options.build, options.deck, {**QUIET, "run.deterministic": True, "run.steps": options.steps}) as made:
        again = made.atoll("replay", "runs/run", "--json", check=False)
        told = json.loads(again.stdout) if again.stdout.startswith("{") else sys.exit(again.stderr)
    life, = told["lives"]
    result = {"equal": told["equal"], "whole": life["whole"], "commits": life["commits"], "boundaries": life["boundaries"]}
    return told["equal"] and life["whole"], result, "{commits} commits, {boundaries} boundaries: equal {equal}, whole {whole}"


def losses(options):
    settings = {**EXACT, "run.steps": options.loss_steps, "inner.warmup_steps": min(60, options.loss_steps // 4), "eval.batches": 64}
    found = {}
    for name, build, precision in (("bf16", options.build, "bf16"), ("fp32", options.host_build, "fp32")):
        with run(build, options.loss_deck, {**settings, "model.precision": precision}) as made:
            found[name] = (made.losses(), made.of("eval")[-1]["val_loss"])
    (here, val), (host, host_val) = found["bf16"], found["fp32"]
    apart = [abs(here[key] / host[key] - 1) for key in host]
    last = [here[key] / host[key] - 1 for key in host if key[1] > 3 * options.loss_steps // 4]
    result = {"steps": options.loss_steps, "val_loss": val, "host_val_loss": host_val, "percent": 100 * (val / host_val - 1),
              "largest_percent": 100 * max(apart), "last_quarter_percent": 100 * statistics.mean(last)}
    return abs(result["percent"]) <= 1.0, result, (
        "validation {val_loss:.4f}, on the host in fp32 {host_val_loss:.4f}: {percent:+.2f} % (at most 1 %); a step's at most "
        "{largest_percent:.2f} %, of the last quarter {last_quarter_percent:+.2f} % in the mean")


CHECKS = {check.__name__: check for check in (speed, exchange, repeat, replay, losses)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"all of them, in order: {', '.join(CHECKS)}")
    parser.add_argument("--build", default="build/cuda")
    parser.add_argument("--host-build", default="build/release")
    parser.add_argument("--deck", default="inputs/gpu/gpt2_124m.toml")
    parser.add_argument("--steps", type=positive, default=100)
    parser.add_argument("--pairs", type=positive, default=12)
    parser.add_argument("--loss-deck", default="inputs/quickstart.toml")
    parser.add_argument("--loss-steps", type=positive, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.checks) - set(CHECKS):
        parser.error(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    if options.steps <= FIRST_STEPS:
        parser.error(f"--steps: more than the {FIRST_STEPS} in which a GPU warms up")
    for build in (options.build, options.host_build):
        if not (SOURCE / build / "atoll").exists() and (build == options.build or not options.checks or "losses" in options.checks):
            sys.exit(f"there is no {build}/atoll: build it, or name another with --build or --host-build")
    if not (SOURCE / "data/bytes").exists():
        sys.exit(f"there is no data/bytes: {options.build}/atoll data prepare TEXT --bytes --out data/bytes")

    results = {}
    for name in options.checks or CHECKS:
        try:
            holds, result, words = CHECKS[name](options)
        except subprocess.CalledProcessError as failure:
            holds, result, words = False, {"exit_code": failure.returncode}, "a run ended with {exit_code}"
        results[name] = {"holds": holds, "says": words.format(**result), **result}
        if not options.json:
            print(f"{name:<9} {'' if holds else 'FAILED: '}{results[name]['says']}", flush=True)
    if options.json:
        print(json.dumps(results, indent=2))
    sys.exit(0 if all(result["holds"] for result in results.values()) else 1)


if __name__ == "__main__":
    main()
