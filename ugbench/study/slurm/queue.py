"""What SLURM's queue says about jobs: one call of squeue for all of them.

squeue needs no accounting, which small clusters lack. It lists a job that has ended for some minutes (MinJobAge in
slurm.conf, 300 s by default); after that only the run's folder tells how far it came.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping

from ugbench.errors import UgbenchError

QUEUED = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")
ENDED = (
    *("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE"),
    *("OUT_OF_MEMORY", "REVOKED"),
)
SECONDS = 60  # after which a controller that does not answer counts as failing


def has_slurm() -> bool:
    """Whether this machine has SLURM's commands."""
    return shutil.which("squeue") is not None


def job_states() -> dict[str, str]:
    """The state of each job of this user by its number, as in 17 or 17_3, in SLURM's words: PENDING, RUNNING …

    Raises:
        UgbenchError: squeue fails.
    """
    words = ["squeue", "--me", "--array", "--states=all", "--noheader", "--format=%i|%T"]
    # The user's own settings for squeue must not change the format.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SQUEUE_")}
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().replace("\n", " ").rstrip(".")
        raise UgbenchError(f"squeue failed ({reason}); check that SLURM runs.") from None
    return dict(line.strip().split("|", 1) for line in done.stdout.splitlines() if "|" in line)


def is_live(state: str | None) -> bool:
    """Whether a job of this state waits or runs; None is the state of a job that has left the queue."""
    return state is not None and state not in ENDED


def short_numbers(numbers: Iterable[str], states: Mapping[str, str]) -> list[str]:
    """The numbers of jobs as scancel and dependencies take them, in few words.

    An array is named as one, as 17, unless a task of it that is not among these jobs waits or runs.
    """
    wanted = list(numbers)
    others = {number.partition("_")[0] for number in states.keys() - set(wanted) if is_live(states[number])}
    arrays = ((number, number.partition("_")[0]) for number in wanted)
    return list(dict.fromkeys(number if array in others else array for number, array in arrays))
