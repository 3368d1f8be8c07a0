"""Reads the metrics of a run (runs/NAME/metrics.jsonl) as the history that counts.

A resumed run does again what stands between the line of its checkpoint and the line of the resume: those lines are left
out. And times begin at 0 again in every part; `run_s` is added to each line: seconds since the start of the run, as far
as it counts.
"""

import json
import pathlib


def read(path):
    """The lines that count, in the order they were written; every `resume` is among them. Torn lines are passed over."""
    lines, offset_s = [], 0.0
    saved = {"": (0, 0.0)}  # checkpoint -> how many lines it kept, and when it was made
    with open(path, encoding="utf-8") as file:
        for text in file:
            try:
                line = json.loads(text)
                event, line["run_s"] = line["event"], offset_s + line["time_s"]
            except (ValueError, KeyError, TypeError):
                continue  # torn by a kill
            if event == "resume":
                kept, offset_s = saved.get(line["checkpoint"], saved[""])
                lines[kept:] = [lost for lost in lines[kept:] if lost["event"] == "resume"]
                line["run_s"] = offset_s
            lines.append(line)
            if event == "checkpoint":
                saved[line["path"]] = len(lines), line["run_s"]
    return lines


class Run:
    """A run folder: its name and its lines, by event."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.name = self.folder.resolve().name
        self.lines = read(self.folder / "metrics.jsonl")

    def events(self, event, **fields):
        """The lines of an event; `fields` they must have: site=1."""
        return [line for line in self.lines
                if line["event"] == event and all(line.get(key) == value for key, value in fields.items())]

    @property
    def sites(self):
        return sorted({line["site"] for line in self.events("step")})
