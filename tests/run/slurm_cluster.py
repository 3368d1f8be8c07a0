"""A Slurm of two nodes, both of them this machine: its own munge, slurmctld and two slurmd in a temporary folder."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "srun")

# Heterogeneous jobs are started by the backfill scheduler alone; a requeued job waits for cred_expire, at least 5 s.
# reef2 has GPUs that are empty files, and a weight, so that what needs none goes elsewhere.
CONFIGURATION = """\
ClusterName=atoll
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=bf_interval=1,sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
KillWait=2
GresTypes=gpu
NodeName=reef1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8
NodeName=reef2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8 Gres=gpu:4 Weight=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE
"""


def reason_to_skip():
    """Why there can be no cluster here; None: there can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no Slurm here, {', '.join(missing)} missing: scripts/setup.sh tests installs it"
    return "no Slurm here: its daemons want to be root" if os.geteuid() != 0 else None


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


class SlurmCluster:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atoll-slurm-", dir="/tmp"))  # a socket's path must be short
        self.environment = self._environment()
        self._daemons = []
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _environment(self):
        """Of daemons and jobs: nothing of a launcher or Slurm around the tests. Open MPI must not share memory between
        nodes that it cannot tell apart."""
        mine = ("OMPI_", "OMP_", "PMIX_", "PRTE_", "SLURM_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
        return {**clean, "SLURM_CONF": f"{self.folder}/slurm.conf", "OMPI_MCA_btl": "self,tcp", "OMPI_MCA_coll": "^han"}

    def _start(self):
        host = socket.gethostname().split(".")[0]
        for number in range(4):
            (self.folder / f"gpu{number}").touch()
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(folder=self.folder, host=host, ports=free_ports(3)))
        (self.folder / "gres.conf").write_text(f"NodeName=reef2 Name=gpu File={self.folder}/gpu[0-3]\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        munge = {name: f"--{name}={self.folder}/munge.{name}" for name in ("socket", "pid-file", "log-file", "seed-file")}
        self._daemon("munged", "--foreground", "--force", f"--key-file={key}", *munge.values())
        self._wait(lambda: (self.folder / "munge.socket").exists(), "munged")
        self._daemon("slurmctld", "-D")
        for node in ("reef1", "reef2"):
            self._daemon("slurmd", "-D", "-N", node)
        self._wait(lambda: self.call("sinfo", "-h", "-N", "-o", "%T", check=False).split() == ["idle", "idle"], "the nodes")

    def _daemon(self, *command):
        with open(self.folder / "daemons.log", "a") as log:
            self._daemons.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _wait(self, condition, what):
        end = time.monotonic() + 20
        while not condition():
            if time.monotonic() > end:
                logs = "".join(f"\n{log}:\n{log.read_text()[-2000:]}" for log in sorted(self.folder.glob("*.log")))
                raise AssertionError(f"waited in vain for {what} of a Slurm:{logs}")
            time.sleep(0.1)

    def call(self, *command, check=True, **options):
        """Output of one of Slurm's commands."""
        done = subprocess.run([*map(str, command)], env=self.environment, capture_output=True, text=True, timeout=60, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} exited with {done.returncode}: {done.stderr}")
        return done.stdout

    def submit(self, *arguments, cwd, **environment):
        """sbatch; returns the job's number."""
        exports = ",".join(["ALL", *(f"{name}={value}" for name, value in environment.items())])
        return self.call("sbatch", "--parsable", f"--export={exports}", *arguments, cwd=cwd).strip()

    def records(self, job):
        """What Slurm knows of a job: one dictionary for each task of an array and component of a heterogeneous job."""
        lines = self.call("scontrol", "-o", "show", "job", job).splitlines()
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines if line]

    def stop(self):
        """Ends the daemons, and then what they have started: all that has our configuration."""
        for daemon in self._daemons:
            daemon.kill()
            daemon.wait()
        mark = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)
