#!/usr/bin/env python3
"""TensorBoard itself reads the event files of a run, and must find what metrics.jsonl says.

usage: read_events.py runs/NAME        (python3 -m venv tb && tb/bin/pip install tensorboard)
"""
import pathlib
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import metrics  # noqa: E402

SHOWN = {
    "step": {"loss": "train/loss", "lr": "train/lr", "grad_norm": "train/grad_norm", "tokens_per_s": "train/tokens_per_s"},
    "eval": {"val_loss": "validation/loss", "val_bits_per_byte": "validation/bits_per_byte"},
    "commit": {"members": "commit/members", "staleness": "commit/staleness", "wait_s": "commit/wait_s"},
}


def number(key, value):
    value = {"members": len, "staleness": lambda ages: max(ages, default=0)}.get(key, lambda same: same)(value)
    return float(np.float32(value))


def compare(run, board, lines, shown):
    """Returns how many scalars agree; raises where one does not."""
    found = EventAccumulator(str(run.folder / "tensorboard" / board), size_guidance={"scalars": 0}).Reload()
    count = 0
    for key, tag in shown.items():
        expected = [(line["step"], number(key, line[key])) for line in lines if line.get(key) is not None]
        actual = [(event.step, event.value) for event in found.Scalars(tag)] if expected else []
        if actual != expected:
            different = next((pair for pair in zip(actual, expected) if pair[0] != pair[1]), None)
            sys.exit(f"{board} {tag}: {len(actual)} scalars for {len(expected)} lines; first difference {different}")
        count += len(actual)
    return count


def main():
    run = metrics.Run(sys.argv[1])
    count = compare(run, "syncer", run.events("commit"), SHOWN["commit"]) if run.events("commit") else 0
    for site in run.sites:
        for event in ("step", "eval"):
            count += compare(run, f"site_{site}", run.events(event, site=site), SHOWN[event])
    print(f"{run.name}: {count} scalars of {len(run.sites)} sites and the syncer, as metrics.jsonl has them")


if __name__ == "__main__":
    main()
