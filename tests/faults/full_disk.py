"""Lets the disk become full while a run trains, gives it space, and looks whether anything was lost.

There are two kinds of full disk: a disk in memory that is too small for the run, and a limit for the size of a file.
The second is at hand on every system, and it hits the logs as well, which are small. The first needs a mount, so this
file runs as a program under `unshare`, as an ordinary user too if the system allows user namespaces.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from one_sentence import faults_of
from processes import Ended, Server, serving
from small_training import Outcome, Training, checkpoint_folders, leftovers, outcome

from ugbench.errors import RunError
from ugbench.runs import checkpoint

METHOD = "cyclegan"
STEPS = 12
ENOUGH = 1 << 30  # bytes
PAGE = 4096  # bytes; a disk in memory has whole pages


@dataclass
class FullDiskReport:
    """How trainings ended that met a full disk.

    Attributes:
        limits: for each of them the bytes that there were.
        kept: for each of them the steps of the checkpoints that it had when it stopped.
        faults: what was wrong, with the limit.
    """

    limits: list[int] = field(default_factory=list)
    kept: list[list[int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def try_one(
        self, limit: int, training: Training, limited: Callable[[], Ended], free: Callable[[], Ended], whole: Outcome
    ) -> None:
        """Train with a limit, look at what is left, train on without it, and compare the end with `whole`."""
        self.limits.append(limit)
        faults = faults_of(limited(), codes=(1,))
        kept = checkpoint_folders(training.run_folder())
        self.kept.append(list(kept))
        for folder in kept.values():
            try:
                checkpoint.load(folder)
            except RunError as error:
                faults.append(f"an older checkpoint is lost: {error}")
        if faults_after := faults_of(free(), codes=(0,)):
            faults += faults_after
        else:
            run = training.existing_run()
            faults += [f"{name} differs in the end" for name in outcome(run).differences(whole)]
            faults += [f"{name} is left over" for name in leftovers(run)]
        self.faults += [f"{limit} bytes: {fault}" for fault in faults]


def small_disks(number: int, folder: Path, server: Server) -> FullDiskReport:
    """Train on `number` disks whose sizes divide what the whole run takes."""
    disk = folder / "enough"
    mount(disk, ENOUGH)
    training = Training(METHOD, disk, STEPS, keep="all")
    training.finish(server)
    whole, needed = outcome(training.existing_run()), shutil.disk_usage(disk).used
    report = FullDiskReport()
    for place in range(1, number + 1):
        limit = needed * place // (number + 1) // PAGE * PAGE
        disk = folder / str(place)
        mount(disk, limit)
        tried = training.beside(disk)

        def with_more_space(tried: Training = tried, disk: Path = disk) -> Ended:
            mount(disk, ENOUGH)
            return tried.start(server).wait()

        report.try_one(limit, tried, lambda tried=tried: tried.start(server).wait(), with_more_space, whole)  # type: ignore[misc]
    return report


def mount(folder: Path, size: int) -> None:
    """Mount an empty disk in memory of `size` bytes at `folder`; change the size of one that is mounted there."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"remount,size={size}" if folder.is_mount() else f"size={size}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def limited_files(limits: Sequence[int], folder: Path, server: Server) -> FullDiskReport:
    """Train with each of these limits for the size of a file, in bytes.

    A run saves once, at its end, so that small limits hit the logs first.
    """
    training = Training(METHOD, folder / "enough", STEPS, save_every=STEPS // 2)
    training.finish(server)
    whole = outcome(training.existing_run())
    report = FullDiskReport()
    for limit in limits:
        tried = training.beside(folder / str(limit))
        report.try_one(
            limit,
            tried,
            lambda tried=tried, limit=limit: server.run(tried.words(), largest_file=limit),  # type: ignore[misc]
            lambda tried=tried: tried.start(server).wait(),  # type: ignore[misc]
            whole,
        )
    return report


def small_disks_of_its_own(number: int, folder: Path) -> FullDiskReport | None:
    """`small_disks` in a process that may mount; None where the system forbids it."""
    probe = "mount -t tmpfs -o size=65536 tmpfs /mnt"
    try:
        subprocess.run(["unshare", "-rm", "sh", "-c", probe], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    command = ["unshare", "-rm", sys.executable, str(Path(__file__)), str(number), str(folder)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return FullDiskReport(**json.loads(ended.stdout))


if __name__ == "__main__":
    with serving(Path(sys.argv[2]) / "printed") as own_server:
        print(json.dumps(asdict(small_disks(int(sys.argv[1]), Path(sys.argv[2]), own_server))))
