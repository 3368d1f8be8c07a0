"""A shard that has nothing to do sleeps."""

import os
import pathlib
import time
import unittest

from support import RunTest


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class IdleShard(RunTest):
    def test_a_shard_uses_less_than_a_twentieth_of_a_core_while_sites_train(self):
        job = self.start(3, {"run.steps": 100000, "sites.step_floor_s": 0.2, "eval.every_steps": 0,
                             "checkpoint.every_steps": 0})
        job.wait_for(lambda job: len(job.metrics("commit")) >= 3, what="commits")
        shard = job.pids()[0]
        before, begin = cpu_seconds(shard), time.monotonic()
        time.sleep(6)
        share = (cpu_seconds(shard) - before) / (time.monotonic() - begin)
        commits = len(job.metrics("commit"))
        job.kill()
        self.assertGreater(commits, 3, "fragments were being committed")
        self.assertLess(share, 0.05)


if __name__ == "__main__":
    unittest.main()
