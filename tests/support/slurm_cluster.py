"""A SLURM of two nodes on this machine: its daemons, which a test starts, kills and ends.

It needs Debian's packages slurm-wlm and munge, and no rights: every process is one of the user, with a key, sockets,
ports and folders of its own, so that it touches no other SLURM on the machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

PROGRAMS = ("slurmctld", "slurmd", "munged", "mungekey", "sbatch", "squeue", "scontrol")
NODES = ("n1", "n2")
PATIENCE = 120  # seconds that a busy machine may take for one thing

CONFIG = """\
ClusterName=ugbench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool_%n
SlurmdPidFile={folder}/slurmd_%n.pid
SlurmdLogFile={folder}/slurmd_%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdTimeout=10
KillWait=20
SchedulerParameters=sched_interval=5,batch_sched_delay=1
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port1} CPUs=1 RealMemory=1000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port2} CPUs=1 RealMemory=1000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 State=UP
"""


def missing_programs() -> list[str]:
    """The programs of SLURM and munge that this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=_search_path()) is None]


class SlurmCluster:
    """A running SLURM.

    Attributes:
        environment: the variables with which `sbatch` and the others find it.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self._slurmd: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *words: str) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def start_node(self, name: str) -> None:
        """Start a node, and wait until SLURM may use it."""
        log = (self.folder / f"slurmd_{name}.out").open("ab")
        with log:
            self._slurmd[name] = subprocess.Popen(
                ["slurmd", "-D", "-N", name], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: self.node_state(name) in ("idle", "mixed", "allocated", "completing"), f"{name} is up")

    def node_state(self, name: str) -> str:
        """The state of a node: idle, allocated, down …; a star stands behind one that does not answer."""
        return self.run("sinfo", "--noheader", "--nodes", name, "--format", "%T").strip()

    def job_state(self, job: str) -> str:
        """The state of a job in SLURM's words; empty if it is not known any more."""
        listed = self.run("squeue", "--noheader", "--array", "--states=all", "--format", "%i %T")
        return dict(line.split() for line in listed.splitlines()).get(job, "")

    def start_now(self, job: str) -> None:
        """Let a job that was requeued, which SLURM keeps for two minutes, begin now; one that runs goes on."""
        words = ["scontrol", "update", f"JobId={job}", "StartTime=now"]
        subprocess.run(words, env=self.environment, capture_output=True, check=False)

    def leave_two_minutes(self, job: str) -> None:
        """Set the time limit of a job that runs so that it comes in one to two minutes: SLURM counts whole ones."""
        used = self.run("squeue", "--noheader", "--array", "--jobs", job, "--format=%M").strip()
        minutes = sum(int(part) * 60**place for place, part in enumerate(reversed(used.split(":")))) // 60
        self.run("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes + 2}")

    def kill_node(self, name: str) -> None:
        """End a node as a loss of power does: its daemon and all processes of its jobs, at once."""
        daemon = self._slurmd.pop(name)
        listed = self.run("squeue", "--noheader", "--array", "--nodelist", name, "--format", "%A")
        names = tuple(f"slurmstepd: [{job}." for job in listed.split())
        of_node = [
            pid for pid, command in processes().items() if command.startswith(names) and _is_of(self.folder, pid)
        ]
        for pid in (daemon.pid, *of_node, *descendants(of_node)):
            _kill(pid)
        daemon.wait()

    def stop(self) -> None:
        """End the nodes."""
        for daemon in self._slurmd.values():
            daemon.terminate()
        for daemon in self._slurmd.values():
            daemon.wait(PATIENCE)


@contextmanager
def slurm_cluster() -> Iterator[SlurmCluster]:
    """A SLURM of two nodes with one core each, which has ended when the block has."""
    with ExitStack() as stack:
        folder = Path(mkdtemp(prefix="slurm"))  # a path of a socket is short, which those of pytest are not
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(_kill_all_of, folder)
        (folder / "state").mkdir()
        for name in NODES:
            (folder / f"spool_{name}").mkdir()
        ports = free_ports(3)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        host = socket.gethostname().partition(".")[0]
        config = folder / "slurm.conf"
        names = {"host": host, "folder": folder, "user": user}
        config.write_text(CONFIG.format(controller_port=ports[0], port1=ports[1], port2=ports[2], **names))
        environment = {**os.environ, "SLURM_CONF": str(config), "PATH": _search_path()}
        environment = {name: value for name, value in environment.items() if not name.startswith("SLURM_JOB")}

        subprocess.run(["mungekey", "--create", "--keyfile", folder / "munge.key"], env=environment, check=True)
        munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket"]
        munged += [f"--key-file={folder}/munge.key", f"--pid-file={folder}/munged.pid"]
        munged += [f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"]
        for words in (munged, ["slurmctld", "-D"]):
            with (folder / f"{words[0]}.out").open("wb") as log:
                daemon = subprocess.Popen(words, env=environment, stdout=log, stderr=log, start_new_session=True)
            stack.callback(daemon.wait, PATIENCE)
            stack.callback(daemon.terminate)
            if words is munged:
                wait_until((folder / "munge.socket").exists, "munged answers")
        cluster = SlurmCluster(folder, environment)
        stack.callback(cluster.stop)
        wait_until(lambda: _succeeds(["scontrol", "ping"], environment), "slurmctld answers")
        for name in NODES:
            cluster.start_node(name)
        yield cluster


def wait_until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait until a condition holds; fail after `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"waited {patience} s in vain until {what}"
        time.sleep(0.2)


def processes() -> dict[int, str]:
    """The command of each process of this machine, by number."""
    commands = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                commands[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:  # it has ended meanwhile
                continue
    return commands


def descendants(pids: list[int]) -> list[int]:
    """The processes that these have started, and those that they have started."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    children = [pid for pid, parent in parents.items() if parent in pids]
    return children + (descendants(children) if children else [])


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]


def _search_path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _is_of(folder: Path, pid: int) -> bool:
    """Whether a process was started by the SLURM of this folder, and not by another one on this machine."""
    try:
        return f"SLURM_CONF={folder}/".encode() in Path("/proc", str(pid), "environ").read_bytes()
    except OSError:
        return False


def _kill_all_of(folder: Path) -> None:
    """End what is left of jobs."""
    for pid in processes():
        if pid != os.getpid() and _is_of(folder, pid):
            _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _succeeds(words: list[str], environment: Mapping[str, str]) -> bool:
    return subprocess.run(words, env=environment, capture_output=True, check=False).returncode == 0
