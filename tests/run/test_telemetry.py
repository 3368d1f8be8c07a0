"""What a run leaves for those who look at it: the trace, TensorBoard's events, metrics that can be read as one history."""

import collections
import json
import pathlib
import struct
import sys
import tempfile
import unittest

from support import SOURCE, RunTest

sys.path.insert(0, str(SOURCE / "scripts"))
import metrics


def records(path):
    """The records of an event file (tests/peers/read_events.py has TensorBoard read it)."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        found.append(data[at + 12 : at + 12 + size])
        at += 16 + size
    return found


class Telemetry(RunTest):
    def test_a_profile_says_where_the_time_of_every_ranks_steps_went(self):
        deck = {"run.method": "data_parallel", "sites.count": 1, "sites.ranks": 3, "inner.batch": 6, "run.steps": 20, "eval.every_steps": 5}
        job = self.start(4, deck, extra=("--profile",))
        code, out, err = job.wait()
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"matrix products +\d+\.\d+ .*%\n")
        self.assertIn("mean of 18 steps", out)
        self.assertRegex(out, r"model FLOP utilisation \d+\.\d%: \d+\.\d tokens/s of this rank")
        self.assertRegex(out, r"memory: at most \d+ MiB in this process; \d+ were expected")
        operations = set()
        for rank in range(3):
            profile = json.loads((job.run / f"profile/site_0_rank_{rank}.json").read_text())
            groups = {group["group"]: group for group in profile["groups"]}
            self.assertEqual(profile["steps"], 18, "the first two touch memory for the first time")
            self.assertLessEqual({"matrix products", "attention", "norms", "optimizer", "sum of the gradients", "everything else"}, set(groups))
            self.assertAlmostEqual(sum(group["seconds"] for group in groups.values()), profile["seconds"], delta=1e-6)
            self.assertGreater(profile["peak_operations_per_s"], 1e9)
            self.assertEqual(profile["tokens"], 18 * 2 * 64, "of this rank, in the steps that count")
            self.assertEqual(profile["model_operations_per_token"], 6 * (2 * (4 * 64 * 64 + 3 * 192 * 64) + 257 * 64) + 12 * 2 * 64 * 64)
            needed = profile["tokens"] * profile["model_operations_per_token"]
            self.assertAlmostEqual(profile["model_utilisation"], needed / profile["seconds"] / profile["peak_operations_per_s"])
            self.assertGreater(profile["peak_resident_bytes"], profile["peak_buffer_bytes"])
            self.assertGreater(profile["peak_buffer_bytes"], 4 * 4 * 120_000, "parameters, gradients, moments")
            self.assertEqual(groups["norms"]["operations"], 0)
            operations.add((groups["matrix products"]["operations"], groups["attention"]["operations"]))
        self.assertEqual(len(operations), 1, "ranks with as many sequences multiply as much, and evaluation is no part of it")
        self.assertGreater(min(operations.pop()), 0)

    def test_a_killed_and_resumed_run_has_one_trace_and_one_set_of_events(self):
        asked = {"sites.ranks": 2, "sites.step_floor_s": 0.03, "run.steps": 150, "checkpoint.every_steps": 60, "eval.every_steps": 1,
                 "output.trace": True, "output.tensorboard": True}
        job = self.start(5, asked)
        # More than a second after the checkpoint: what was traced before it is on disk, and some of what is lost.
        job.wait_for(lambda j: any(line["step"] > 100 for line in j.metrics("step")), what="100 steps")
        job.kill()
        job.process.wait()
        self.finish(5, asked, resume=True)

        run = metrics.Run(job.run)
        self.check_history(run)
        self.check_trace(run, ["shard_0", "site_0_rank_0", "site_0_rank_1", "site_1_rank_0", "site_1_rank_1"])
        self.check_events(run)

    def test_nobody_asked_so_there_is_no_trace_and_no_event(self):
        job = self.finish(3, {"run.steps": 12})
        self.assertEqual([path for path in job.run.iterdir() if path.name.startswith(("trace", "tensorboard"))], [])

    def check_history(self, run):
        for site in (0, 1):
            steps = [line["step"] for line in run.events("step", site=site)]
            self.assertEqual(steps, list(range(1, len(steps) + 1)))
        judged = [line["step"] for line in run.events("eval", site=0, final=False)]
        self.assertEqual(judged, list(range(1, len(judged) + 1)), "one at the very step of the cut is made again")
        for fragment in range(4):
            versions = [line["version"] for line in run.events("commit", fragment=fragment)]
            self.assertEqual(versions, list(range(1, len(versions) + 1)))
        times = [line["run_s"] for line in run.events("step", site=0)]
        self.assertEqual(times, sorted(times))

    def check_trace(self, run, processes):
        trace = json.loads((run.folder / "trace.json").read_text())
        names, lanes = {}, collections.defaultdict(list)
        for event in trace["traceEvents"]:
            lane = event["pid"], event["tid"]
            if event["ph"] == "M":
                self.assertIn(event["name"], ("process_name", "process_sort_index", "thread_name", "thread_sort_index"))
                if event["name"].endswith("_name"):
                    names[lane if event["name"] == "thread_name" else event["pid"]] = event["args"]["name"]
            else:
                self.assertEqual(event["ph"], "X")
                self.assertTrue(event["name"])
                self.assertGreaterEqual(event["ts"], 0)
                self.assertGreaterEqual(event["dur"], 0)
                lanes[lane].append(event)

        self.assertEqual([names[pid] for pid in range(len(processes))], processes)
        last_us = 1e6 * (run.events("end")[-1]["run_s"] + 5)
        for lane, spans in lanes.items():
            self.assertIn(lane, names)
            for before, after in zip(spans, spans[1:]):
                self.assertLessEqual(before["ts"] + before["dur"], after["ts"], (names[lane], before, after))
            self.assertLess(spans[-1]["ts"], last_us)

        spans_of = {(names[pid], names[pid, tid]): spans for (pid, tid), spans in lanes.items()}
        for who in processes[1:]:
            steps = len(run.events("step", site=int(who.split("_")[1])))
            for work in ("compute", "reduce", "record", "optimize"):
                # A step or two between a checkpoint and its sealing may stand there twice.
                self.assertAlmostEqual(len(spans_of[who, work]), steps, delta=5, msg=(who, work))
        commits = len(run.events("commit"))
        self.assertAlmostEqual(len(spans_of["shard_0", "merge"]), commits, delta=5)
        self.assertEqual({lane for who, lane in spans_of if who == "shard_0" and lane.startswith("round")},
                         {f"round of fragment {fragment}" for fragment in range(4)})

    def check_events(self, run):
        resumed = next(place for place, line in enumerate(run.lines) if line["event"] == "resume")
        since = run.lines[resumed:]
        expected = {"syncer": sum(line["event"] == "commit" for line in since)}
        for site in (0, 1):
            expected[f"site_{site}"] = sum(line["event"] in ("step", "eval") and line["site"] == site for line in since)
        for board, count in expected.items():
            files = sorted((run.folder / "tensorboard" / board).iterdir())
            self.assertEqual(len(files), 2, "one before and one after the resume")
            found = records(files[1])
            self.assertIn(b"brain.Event:2", found[0])
            self.assertTrue(found[1].endswith(b"\x3a\x02\x08\x01"), "the start of a session: it supersedes")
            self.assertEqual(len(found) - 2, count, board)


class History(unittest.TestCase):
    """Metrics of a run that was resumed at a clock of 20, where site 0 stood at step 21 and site 1 at step 18."""

    CHECKPOINT = {"event": "checkpoint", "time_s": 6.0, "step": 20, "path": "runs/x/checkpoints/step_20"}
    RESUME = {"event": "resume", "time_s": 0.0, "step": 20, "checkpoint": CHECKPOINT["path"]}

    def read(self, *lines):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "metrics.jsonl"
            path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
            return metrics.read(path)

    def step(self, site, step, time_s):
        return {"event": "step", "time_s": time_s, "step": step, "site": site}

    def steps_of(self, lines):
        return [(line["site"], line["step"], line["run_s"]) for line in lines if line["event"] == "step"]

    def test_what_was_lost_is_left_out_and_time_goes_on(self):
        before = self.step(0, 21, 5.0), self.step(1, 18, 5.0), self.CHECKPOINT
        lost = self.step(0, 22, 7.0), self.step(1, 19, 8.0), '{"event": "step", "ti'
        again = self.RESUME, self.step(0, 22, 0.5), self.step(1, 19, 0.5)
        counted = [(0, 21, 5.0), (1, 18, 5.0), (0, 22, 6.5), (1, 19, 6.5)]
        lines = self.read(*before, *lost, *again)
        self.assertEqual(self.steps_of(lines), counted)
        lines = self.read(*before, *lost, *again, *again)
        self.assertEqual(self.steps_of(lines), counted)
        self.assertEqual(sum(line["event"] == "resume" for line in lines), 2)

    def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(self):
        lines = self.read(self.step(0, 1, 5.0), self.RESUME | {"step": 0, "checkpoint": ""}, self.step(0, 1, 4.0))
        self.assertEqual(self.steps_of(lines), [(0, 1, 4.0)])


if __name__ == "__main__":
    unittest.main()
