"""Whether locks of files work in a results folder: between processes, and between machines as far as one can tell.

A run's lock keeps two processes from training it at once. It is that of `flock`, which a local disk and NFS have. Some
network file systems have it on each machine alone, or not at all, depending on how they are mounted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from ugbench.errors import DiskError, UsageError
from ugbench.runs.files import inside, is_file
from ugbench.runs.json_file import make_folder

NAME = ".lock-check"
SECONDS = 60  # that the second process may take
HELD = 3  # exit code of the second process if it finds the lock held
TRY = f"""
import fcntl, sys
with open(sys.argv[1], "rb+") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit({HELD})
"""
WITHOUT = "or let each run be trained by one command alone (--only, --print-commands)"
NEEDED = f"mount it with locks that all machines share, name another --results, {WITHOUT}"


def check_locks(results: Path, log: Callable[[str], None], mounts: Path = Path("/proc/self/mounts")) -> None:
    """Check that a second process cannot take a lock in the results folder which this one holds.

    Args:
        log: receives a sentence where the folder is mounted so that a lock holds on one machine alone.
        mounts: the system's list of mounted file systems; one that does not exist tells nothing.
    Raises:
        UsageError: a second process can, or the file system has no locks.
        DiskError: the folder cannot be written.
    """
    make_folder(results)
    file = inside(results, NAME)
    is_file(file, largest=0)
    try:
        with FileLock(file, timeout=SECONDS):
            second = subprocess.run(
                [sys.executable, "-c", TRY, str(file)], capture_output=True, text=True, timeout=SECONDS, check=False
            )
    except PermissionError as error:
        raise DiskError(results, error) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{results}: its file system has no locks ({reason}); {NEEDED}.") from None
    if second.returncode == 0:
        raise UsageError(f"{results}: two processes held one lock in it at once; {NEEDED}.")
    if second.returncode != HELD:
        reason = (second.stderr.strip().splitlines() or [str(second.returncode)])[-1]
        raise UsageError(f"{results}: its file system has no locks ({reason}); {NEEDED}.")
    if (mount := local_locks(results, mounts)) is not None:
        log(f"{results}: locks hold on one machine alone ({mount}); {NEEDED}.")


def local_locks(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """How a network file system with locks of one machine alone is mounted, as in "nfs, nolock"; None for others."""
    if not mounts.is_file():
        return None
    target, best = os.path.realpath(folder), ("", "", "")
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        place = fields[1].replace("\\040", " ")
        if (target + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(best[0]):
            best = (place, fields[2], fields[3])
    _, kind, options = best
    given = options.split(",")
    if kind.startswith("nfs"):
        wrong = next((option for option in given if option in ("nolock", "local_lock=all", "local_lock=flock")), None)
        return None if wrong is None else f"{kind}, {wrong}"
    if kind == "lustre" and "flock" not in given:
        return "lustre, without flock"
    return None
