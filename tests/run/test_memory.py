"""Memory that changes beneath a process: a bit of a shard's, NaN in a site's, written from outside."""

import os
import signal
import struct
import unittest

from support import ON_GPU, RunTest

WINDOW = 64  # bytes of a file that are looked for
PIECES = 24
DECK = {"sites.count": 3, "eval.every_steps": 0, "checkpoint.every_steps": 6}


def pieces_of(content):
    """From all over a file, where it is as good as random."""
    every = (content[at : at + WINDOW] for at in range(0, len(content) - WINDOW, 256))
    pieces = [piece for piece in every if len(set(piece)) > WINDOW // 2]
    return pieces[:: max(1, len(pieces) // PIECES)]


def change_memory(pid, content, changed):
    """Of what the process holds in memory and is in the file too, `changed` makes something else. Returns how many pieces it found."""
    found, pieces = 0, pieces_of(content)
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for line in maps:
            where, rights, _, _, inode, *_ = line.split()
            begin, end = (int(address, 16) for address in where.split("-"))
            if not rights.startswith("rw-p") or inode != "0":
                continue
            memory.seek(begin)
            held = memory.read(end - begin)
            for piece in pieces:
                at = held.find(piece)
                while at >= 0:
                    memory.seek(begin + at)
                    memory.write(changed(piece))
                    found, at = found + 1, held.find(piece, at + WINDOW)
    return found


class Memory(RunTest):
    def change(self, job, rank, file, changed, is_noticed):
        """In the process of that rank, which stands still meanwhile, right after its part of a checkpoint; until it is noticed: it may have been ahead."""
        tried = set()
        while not is_noticed():
            fresh = lambda job: [path for path in (job.run / "checkpoints").glob(f"*/{file}") if path.parent not in tried]
            job.wait_for(lambda job: fresh(job) or is_noticed(), what=f"a new {file}")
            for path in fresh(job)[-1:]:
                pid = job.pids()[rank]
                os.kill(pid, signal.SIGSTOP)
                change_memory(pid, path.read_bytes(), changed)
                os.kill(pid, signal.SIGCONT)
                tried.add(path.parent)

    def test_a_shard_whose_memory_has_changed_leaves_and_its_backup_goes_on(self):
        job = self.start(5, DECK | {"run.steps": 110, "syncer.ranks": 2, "syncer.replicas": 1, "sites.step_floor_s": 0.1, "outer.interval_steps": 20})
        noticed = lambda: [line for line in job.metrics("fault") if "shard 1: fragment" in line["what"]]
        self.change(job, 1, "shard_1.h5", lambda piece: bytes([piece[0] ^ 1]) + piece[1:], noticed)
        code, _, err = job.wait()
        self.assertEqual(code, 0, err)
        self.assertIn("memory has changed", (job.run / "log" / "shard_1.log").read_text())
        after = {line["fragment"] for line in job.metrics("commit") if line["time_s"] > noticed()[0]["time_s"] + 1}
        self.assertEqual(after, {0, 1, 2, 3}, "its fragments go on with the backup")

    @unittest.skipIf(ON_GPU, "a site's parameters lie where nobody writes to from outside")
    def test_a_site_whose_loss_is_not_finite_takes_the_state_of_another(self):
        job = self.start(4, DECK | {"run.steps": 28, "sites.step_floor_s": 0.4, "outer.interval_steps": 4})
        log = job.run / "log" / "site_1_rank_0.log"
        self.change(job, 2, "site_1.h5", lambda piece: struct.pack("<f", float("nan")) * (WINDOW // 4),
                    lambda: log.exists() and "it takes the state of another" in log.read_text())
        code, _, err = job.wait()
        self.assertEqual(code, 0, err)
        self.assertEqual({line["site"] for line in job.metrics("return")}, {1})
        ends = {line["site"]: line["model"] for line in job.metrics("site_end")}
        self.assertEqual(len(ends), 3)
        self.assertEqual(len(set(ends.values())), 1, f"the same parameters everywhere: {ends}")


if __name__ == "__main__":
    unittest.main()
