"""atoll launch: one command for mpirun and all its options, a clean stop, an exit code that can be trusted."""

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import time
import unittest

from support import ATOLL, SOURCE, TINY, RunTest


class Launch(RunTest):
    def setUp(self):
        super().setUp()
        self._launched = []

    def tearDown(self):
        for process in self._launched:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
        super().tearDown()

    def begin(self, *arguments, environment=None, prepare=None):
        # Without the variables that a launcher of the tests themselves would leave.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "OMP_", "PMIX_"))}
        process = subprocess.Popen([ATOLL, "launch", TINY, *arguments], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env={**clean, **(environment or {})}, preexec_fn=prepare)
        self._launched.append(process)
        return process

    def end(self, process, code):
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, out + err)
        self.assertNotIn("-----", err, "the launcher's own noise is hidden")
        return out, err

    def launch(self, *arguments, code=0, environment=None):
        return self.end(self.begin(*arguments, environment=environment), code)

    def status(self, name="tiny"):
        return json.loads((self.folder / "runs" / name / "status.json").read_text())

    def wait_for(self, process, condition):
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            if condition():
                return
            time.sleep(0.02)
        process.kill()
        self.fail(f"waited in vain: {process.communicate()}")

    def wait_for_steps(self, process, name="tiny", resumes=0):
        """Until the run has taken a step after so many resumes."""
        metrics = self.folder / "runs" / name / "metrics.jsonl"

        def has_steps():
            parts = metrics.read_text().split('"event":"resume"') if metrics.exists() else []
            return len(parts) == resumes + 1 and '"event":"step"' in parts[-1]

        self.wait_for(process, has_steps)

    def ranks_of(self, name):
        """Processes of the job that train the run `name`."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            except OSError:
                continue
            if words[:2] == [ATOLL.encode(), b"train"] and f"run.name={name}".encode() in words:
                found.append(int(entry.name))
        return found

    def program(self, name, text):
        file = self.folder / name
        file.write_text("#!/bin/bash\n" + text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return str(file)

    def test_a_dry_run_shows_the_command_and_starts_nothing(self):
        out, _ = self.launch("--dry-run", "--set", "sites.ranks=[1, 2]", "--set", "syncer.ranks=2")
        self.assertIn(" -n 5 ", out)
        self.assertIn("OMP_NUM_THREADS=1", out)
        self.assertIn("'sites.ranks=[1, 2]'", out)
        self.assertFalse((self.folder / "runs").exists())
        out, _ = self.launch("--dry-run", "--launcher", "srun", environment={"PATH": "/nowhere"})
        self.assertIn("srun -n 3", out)

    def test_a_run_ends_with_its_own_exit_code_and_a_complete_one_is_left_alone(self):
        out, err = self.launch("--set", "run.steps=12")
        self.assertEqual(err, "")
        self.assertIn("done at step", out)
        self.assertIn("nothing to resume", self.launch("--set", "run.steps=12", "--resume")[0])
        _, err = self.launch("--set", "run.steps=12", code=2)
        self.assertIn("never overwritten", err)

    def test_a_signal_is_a_clean_stop_and_resume_goes_on(self):
        endless = ("--set", "run.steps=100000")
        for resumes, number in enumerate((signal.SIGTERM, signal.SIGINT)):
            process = self.begin(*endless, "--resume")
            self.wait_for_steps(process, resumes=resumes)
            process.send_signal(number)
            _, err = self.end(process, 75)
            self.assertIn("stopping with a checkpoint", err)
            self.assertEqual(self.status()["outcome"], "stopped")
        # So early that no process of the job is there yet to take the signal.
        process = self.begin(*endless, "--resume")
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        self.wait_for(process, lambda: children.read_text())
        process.send_signal(signal.SIGTERM)
        self.end(process, 75)

    def test_a_second_interrupt_ends_the_job_at_once(self):
        # Steps so long that the first interrupt is not heard in time.
        process = self.begin("--set", "run.name=slow", "--set", "sites.step_floor_s=30", "--set", "outer.dead_after_s=60", "--set", "run.steps=1000")
        self.wait_for_steps(process, "slow")
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(process.poll(), "it waits for the step to end")
        process.send_signal(signal.SIGINT)
        self.end(process, 3)
        self.assertEqual(self.ranks_of("slow"), [])

    def test_a_lost_process_is_a_failure_that_is_explained(self):
        process = self.begin("--set", "run.name=lost", "--set", "run.steps=100000", "--set", "run.method=diloco",
                             "--set", "checkpoint.every_steps=0")
        self.wait_for_steps(process, "lost")
        os.kill(max(self.ranks_of("lost")), signal.SIGKILL)
        _, err = self.end(process, 3)
        self.assertIn("killed from outside", err)
        self.assertEqual(self.status("lost")["outcome"], "failed", "there is nothing to go on from")
        self.assertGreater(self.status("lost")["step"], 0)

    def test_a_method_that_needs_every_site_can_be_resumed_after_a_loss(self):
        options = ["--set", "run.name=lost", "--set", "run.method=diloco", "--set", "sites.step_floor_s=0.02"]
        process = self.begin(*options, "--set", "run.steps=100000")
        run = self.folder / "runs" / "lost"
        metrics = run / "metrics.jsonl"
        self.wait_for(process, lambda: metrics.exists() and '"event":"checkpoint"' in metrics.read_text())
        os.kill(max(self.ranks_of("lost")), signal.SIGKILL)
        self.end(process, 75)
        status = self.status("lost")
        self.assertEqual((status["outcome"], status["exit_code"]), ("stopped", 75))
        self.launch(*options, "--set", f"run.steps={status['step'] + 12}", "--resume")
        self.assertEqual(self.status("lost")["outcome"], "done")

    def test_a_run_that_diverges_has_failed(self):
        self.launch("--set", "inner.lr=1e30", "--set", "inner.clip_norm=0", code=3)
        self.assertEqual(self.status()["outcome"], "failed")

    def test_what_a_launcher_complains_of_is_said_in_our_words(self):
        inside_a_scheduler = {"PBS_JOBID": "1"}  # slots are the scheduler's to give
        _, err = self.launch("--set", "sites.count=40", environment=inside_a_scheduler, code=3)
        self.assertIn("fewer slots than the 41 ranks", err)
        _, err = self.launch(environment={"ATOLL_MPIRUN": "/absent/mpirun"}, code=2)
        self.assertIn("/absent/mpirun: cannot be started", err)
        alone = self.program("other_mpirun", f'for word in "$@"; do last=$word; done\nexec "{ATOLL}" train "$last"\n')
        _, err = self.launch(environment={"ATOLL_MPIRUN": alone}, code=2)
        self.assertIn("belongs to another MPI", err)

    def test_a_status_of_an_earlier_job_is_not_believed(self):
        self.launch("--set", "run.steps=12", "--set", "run.name=old")
        deaf = self.program("deaf_mpirun", "exit 0\n")
        _, err = self.launch("--set", "run.steps=12", "--set", "run.name=old", environment={"ATOLL_MPIRUN": deaf}, code=3)
        self.assertIn("is not of this job", err)
        # It was done, but not with as many steps.
        more = ("--set", "run.steps=24", "--set", "run.name=old", "--resume")
        _, err = self.launch(*more, environment={"ATOLL_MPIRUN": deaf}, code=3)
        self.assertIn("is not of this job", err)

    def test_a_launcher_is_found_on_the_path_by_its_name(self):
        self.program("deaf_mpirun", "exit 0\n")
        path = f"{self.folder}:{os.environ['PATH']}"
        _, err = self.launch(environment={"ATOLL_MPIRUN": "deaf_mpirun", "PATH": path}, code=3)
        self.assertIn("is not of this job", err)

    def test_children_that_were_to_be_ignored_are_waited_for(self):
        process = self.begin("--check", prepare=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertIn("3 ranks", self.end(process, 0)[0])

    def test_a_job_script_requeues_what_was_stopped(self):
        out, _ = self.launch("--sbatch", "--set", "run.name=batch", "--set", "run.steps=100000")
        self.assertIn("#SBATCH --ntasks=3", out)
        script = self.program("job.sh", out)
        self.program("scontrol", f'echo "$@" > {self.folder}/requeued\n')
        job = subprocess.Popen([script], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})
        self.wait_for_steps(job, "batch")
        job.send_signal(signal.SIGUSR1)
        self.assertEqual(job.wait(timeout=60), 75)
        self.assertIn("requeue", (self.folder / "requeued").read_text())

    def test_all_job_scripts_end_as_the_one_that_is_printed(self):
        printed = self.launch("--sbatch")[0]
        end = printed[printed.index("\n# Five minutes") :]
        scripts = sorted((SOURCE / "scripts" / "slurm").iterdir())
        self.assertEqual(len(scripts), 3)
        for script in scripts:
            self.assertTrue(script.read_text().endswith(end), script)
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", *scripts], check=True)

    def test_check_starts_one_process(self):
        out, _ = self.launch("--check")
        self.assertIn("3 ranks", out)


if __name__ == "__main__":
    unittest.main()
