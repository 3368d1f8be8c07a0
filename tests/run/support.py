"""Drives the program as its users do: jobs under mpirun in a folder of their own, real text, real signals."""

import gzip
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ATOLL = os.environ["ATOLL"]
MPIRUN = str(SOURCE / "scripts" / "mpirun.sh")
TINY = str(SOURCE / "inputs" / "tiny.toml")
DICTIONARY = "/usr/share/dictd/gcide.dict.dz"


def atoll(*arguments, cwd, check=True, timeout=120):
    """Runs one process of the program; returns the finished process with its output."""
    done = subprocess.run([ATOLL, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, errors="replace",  # samples are bytes
                          timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"atoll {' '.join(map(str, arguments))} exited with {done.returncode}:\n{done.stderr}")
    return done


def computes_on_gpu():
    """Whether the program does. Where it does and there is no GPU, this ends the process, as one whose tests are skipped."""
    cuda = json.loads(atoll("info", "--json", cwd="/").stdout)["cuda"]
    if "no GPU" in cuda:
        print(f"SKIPPED: {cuda}")
        sys.exit(0)
    return cuda != "not built"


ON_GPU = computes_on_gpu()


def prepare_data(folder):
    """Half a megabyte of the dictionary, tokenized as bytes: folder/data/bytes."""
    with gzip.open(DICTIONARY) as text:
        text.seek(1_000_000)
        excerpt = text.read(500_000)
    (folder / "text.txt").write_bytes(excerpt[excerpt.index(b"\n\n") + 2 :].decode("utf-8", "ignore").encode())
    atoll("data", "prepare", "text.txt", "--out", "data/bytes", "--bytes", "--validation-fraction", "0.01", cwd=folder)


class Job:
    """A training job. `overrides` are deck keys: {"run.steps": 40}. `launched`: by atoll launch, whose exit code can be trusted
    where that of an mpirun that outlived MPI_Abort cannot."""

    def __init__(self, folder, ranks, overrides=None, deck=TINY, resume=False, launched=False, extra=()):
        self.folder = folder
        self.name = (overrides or {}).get("run.name", "tiny")
        start = [ATOLL, "launch"] if launched else [MPIRUN, "-n", str(ranks), ATOLL, "train"]
        command = [*start, str(deck), *extra]
        for key, value in (overrides or {}).items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        if resume:
            command.append("--resume")
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    @property
    def run(self):
        return self.folder / "runs" / self.name

    def wait(self, timeout=120):
        """Returns (exit code, stdout, stderr)."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return self.process.returncode, out, err

    def kill(self):
        for pid in [*self.pids().values(), *self.recruits(), self.process.pid]:
            for number in (signal.SIGCONT, signal.SIGKILL):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass

    def recruits(self):
        """Process ids of those that the job has started during the run."""
        return [pid for pid, world in self._processes() if world == "recruit"]

    def pids(self):
        """World rank -> process id, of the processes that this job began with."""
        return {world: pid for pid, world in self._processes() if world != "recruit"}

    def _processes(self):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if os.getsid(int(entry.name)) != self.process.pid and not self._is_below(int(entry.name)):
                    continue
                if (entry / "exe").resolve() != pathlib.Path(ATOLL).resolve():
                    continue
                environment = (entry / "environ").read_bytes().split(b"\0")
            except (OSError, ProcessLookupError):
                continue
            if any(variable.startswith(b"OMPI_PARENT_PORT=") for variable in environment):
                found.append((int(entry.name), "recruit"))
                continue
            for variable in environment:
                if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
                    found.append((int(entry.name), int(variable.split(b"=")[1])))
        return found

    def _is_below(self, pid):
        while pid > 1:
            if pid == self.process.pid:
                return True
            status = pathlib.Path(f"/proc/{pid}/stat").read_text()
            pid = int(status.rsplit(")", 1)[1].split()[1])
        return False

    def metrics(self, event=None):
        path = self.run / "metrics.jsonl"
        if not path.exists():
            return []
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if event is None or line["event"] == event]

    def wait_for(self, condition, timeout=60, what="the condition"):
        """Polls `condition(self)` until it holds; fails where the job ends first."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if condition(self):
                return
            if self.process.poll() is not None:
                raise AssertionError(f"the job ended before {what}: {self.process.communicate()[1]}")
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"timed out waiting for {what}")

    def status(self):
        return json.loads((self.run / "status.json").read_text())


class RunTest(unittest.TestCase):
    """A test with a folder of its own that holds the tiny dataset."""

    @classmethod
    def setUpClass(cls):
        cls._data = pathlib.Path(tempfile.mkdtemp(prefix="atoll-data-"))
        cls.addClassCleanup(shutil.rmtree, cls._data)
        os.environ["TMPDIR"] = str(cls._data)  # where a launcher that is killed leaves what it should not find again
        prepare_data(cls._data)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atoll-run-"))
        (self.folder / "data").symlink_to(self._data / "data")
        self._jobs = []

    def tearDown(self):
        for job in self._jobs:
            if job.process.poll() is None:
                job.kill()
                job.process.wait()
            for stream in (job.process.stdout, job.process.stderr):
                stream.close()
        shutil.rmtree(self.folder)

    def start(self, ranks, overrides=None, **options):
        job = Job(self.folder, ranks, overrides, **options)
        self._jobs.append(job)
        return job

    def finish(self, ranks, overrides=None, **options):
        """Runs a job to its end; it must succeed."""
        job = self.start(ranks, overrides, **options)
        code, out, err = job.wait()
        self.assertEqual(code, 0, f"exit code {code}\n{out}\n{err}")
        return job
