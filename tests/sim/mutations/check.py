#!/usr/bin/env python3
"""Plants each bug of bugs.py in a copy of the protocol and runs the storm until the expected invariant is broken.

python3 tests/sim/mutations/check.py BUILD              fails where a bug is not caught, or ../README.md tells it otherwise
python3 tests/sim/mutations/check.py BUILD --write      writes ../README.md anew
python3 tests/sim/mutations/check.py BUILD --only term  only the bugs whose name holds this, and nothing is compared
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys

from bugs import BUGS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DECK = ROOT / "inputs" / "sim" / "storm.toml"
README = HERE.parent / "README.md"
PROGRAM = "tests/sim/mutations/first_violation"
SEEDS = 2000

HEAD = f"""# Bugs that the invariants catch

`mutations/bugs.py` lists bugs, `mutations/check.py` plants one after the other in a copy of the protocol, builds it and
runs the seeds of `inputs/sim/storm.toml` from 1 on. Each bug must break the invariant named here within {SEEDS:,} seeds; the
protocol as it is must not break any on the same ones. To renew this page after a change: `check.py BUILD --write`.

| bug | in | caught by | seed | after events |
|---|---|---|---|---|
"""


class Failure(Exception):
    pass


class Build:
    """How the build compiles each source and links the program."""

    def __init__(self, folder):
        self.folder = folder
        told = subprocess.run(["ninja", "-t", "commands", "first_violation"], cwd=folder, capture_output=True, text=True)
        if told.returncode != 0:
            raise Failure(f"{folder} is no build by ninja: {told.stdout}{told.stderr}")
        commands = [shlex.split(line) for line in told.stdout.splitlines()]
        self._compile = {command[command.index("-c") + 1]: command for command in commands if "-c" in command}
        self._link = [word for word in commands[-1] if word not in (":", "&&")]

    def compile(self, source, copy):
        command = list(self._compile[str(ROOT / source)])
        for flag, value in (("-c", copy), ("-o", copy.with_suffix(".o")), ("-MF", copy.with_suffix(".d"))):
            if flag in command:
                command[command.index(flag) + 1] = str(value)
        self._run([*command, "-w"])

    def link(self, objects, program):
        """What an object defines is not looked for in the libraries that come after it."""
        command = list(self._link)
        command[command.index("-o") + 1] = str(program)
        first = next(i for i, word in enumerate(command) if word.endswith(".o"))
        self._run(command[:first] + [str(each) for each in objects] + command[first:])

    def _run(self, command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{shlex.join(map(str, command))}:\n{done.stderr}")


def first_violation(program, seeds, overrides):
    """The first seed that breaks an invariant, which, after how many events, and how; None where none does."""
    done = subprocess.run([program, DECK, str(seeds), *overrides], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Failure(f"it ends with {done.returncode}: {done.stderr}")
    if not done.stdout:
        return None
    seed, invariant, events, what = done.stdout.splitlines()[:4]
    return int(seed), invariant, int(events), what


def plant(build, bug):
    """The program with the bug."""
    folder = build.folder / "tests" / "sim" / "mutations" / bug.name.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    texts = {}
    for source, right, wrong in bug.edits:
        text = texts.get(source) or (ROOT / source).read_text()
        if text.count(right) != 1:
            raise Failure(f"it no longer applies to {source}, which holds {text.count(right)} times:\n{right}")
        texts[source] = text.replace(right, wrong)
    copies = [folder / pathlib.Path(source).name for source in texts]
    for copy, (source, text) in zip(copies, texts.items()):
        copy.write_text(text)
        build.compile(source, copy)
    build.link([copy.with_suffix(".o") for copy in copies], folder / "first_violation")
    return folder / "first_violation"


def catch(build, bug):
    """The bug's line of the table."""
    caught = first_violation(plant(build, bug), SEEDS, bug.weather)
    if not caught:
        raise Failure(f"{SEEDS} seeds do not see it")
    seed, invariant, events, what = caught
    if invariant != bug.invariant:
        raise Failure(f"seed {seed} breaks '{invariant}' instead of '{bug.invariant}': {what}")
    if sound := first_violation(build.folder / PROGRAM, seed, bug.weather):
        raise Failure(f"without it seed {sound[0]} breaks '{sound[1]}': {sound[3]}")
    files = ", ".join(sorted({f"`{pathlib.Path(source).name}`" for source, _, _ in bug.edits}))
    weather = f" (`{'`, `'.join(bug.weather)}`)" if bug.weather else ""
    print(f"{bug.name}: seed {seed}, {invariant}: {what}", flush=True)
    return f"| {bug.name}{weather} | {files} | {invariant} | {seed} | {events:,} |\n"


def without_seeds(page):
    """Where a bug is seen first depends on the last bit of sums, and so on the processor."""
    return re.sub(r"\d+ \| [\d,]+ \|$", "", page, flags=re.MULTILINE)


def main():
    flags = argparse.ArgumentParser(usage=__doc__)
    flags.add_argument("build", type=pathlib.Path)
    flags.add_argument("--write", action="store_true")
    flags.add_argument("--only", default="")
    flags = flags.parse_args()
    build = Build(flags.build.resolve())
    bugs = [bug for bug in BUGS if flags.only in bug.name]
    lines, failures = [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for bug, caught in [(bug, pool.submit(catch, build, bug)) for bug in bugs]:
            try:
                lines.append(caught.result())
            except (Failure, subprocess.TimeoutExpired) as failure:
                failures.append(f"'{bug.name}': {failure}")
    page = HEAD + "".join(lines)
    if flags.write and not failures:
        README.write_text(page)
    elif not flags.only and not failures and without_seeds(page) != without_seeds(README.read_text()):
        failures.append(f"{README} is not what was found; to renew it: {sys.argv[0]} {flags.build} --write")
    print("\n".join(failures) or f"{len(lines)} bugs, all caught", file=sys.stderr if failures else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
