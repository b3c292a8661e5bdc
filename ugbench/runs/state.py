"""The state of a run: whether it is trained now, how far it is, how long it will take and how much disk it uses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from ugbench import registry
from ugbench.errors import UnknownName
from ugbench.runs.failure import failure_of
from ugbench.runs.run import Run
from ugbench.runs.training_log import last_logged_step, seconds_per_step

Status = Literal["new", "running", "stopped", "failed", "done", "imported", "not installed", "unreadable"]

RECENT = 20  # lines of timing.jsonl from which the time left is estimated


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes:
        status: `running` where a process trains it now; `done` where its last step is saved; `failed` where the last
            training ended with an error; `stopped` where it is partly trained; `new` where nothing is saved; `imported`
            where it was not trained here; `not installed` where its method is not installed, so that it can neither be
            trained nor translate.
        reason: why it failed, or what is not installed.
        step: steps done at the last checkpoint.
        logged_step: the last step in its log, which may be later than the last that is saved.
        seconds_left: of training, from its last logged times; None where no step was timed or there is nothing to do.
        disk_bytes: what its files take.
    """

    status: Status
    reason: str | None
    step: int
    logged_step: int
    seconds_left: float | None
    disk_bytes: int


def state_of(run: Run) -> RunState:
    """The state of a run, without loading its method.

    Raises:
        RunError: one of its files is damaged.
    """
    step = run.step()
    status, reason = _status(run, step)
    logged_step = max(step, last_logged_step(run))
    unfinished = run.config.origin is None and step < run.steps
    # The log of times is long, and reading those of hundreds of finished runs would take most of the time of the list.
    times = seconds_per_step(run)[-RECENT:] if unfinished else []
    seconds_left = median(times) * max(0, run.steps - logged_step) if times and unfinished else None
    return RunState(status, reason, step, logged_step, seconds_left, disk_bytes(run.path))


def disk_bytes(folder: Path) -> int:
    """The size of all files in a folder; links are not followed, and files that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_size
            except FileNotFoundError:  # training removes old checkpoints
                continue
    return total


def _status(run: Run, step: int) -> tuple[Status, str | None]:
    config = run.config
    if not config.is_external and config.method not in registry.modules("methods"):
        return "not installed", str(UnknownName("method", config.method, registry.modules("methods")))
    if config.origin is not None:
        return "imported", None
    if run.is_being_trained():
        return "running", None
    if step >= run.steps:
        return "done", None
    if (reason := failure_of(run)) is not None:
        return "failed", reason
    return ("stopped" if step else "new"), None
