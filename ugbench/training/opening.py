"""What happens to the folder of a run before its first step: it is locked, cleared if that was asked for, and read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from ugbench.runs.failure import record_failure
from ugbench.runs.reset import remove_unfinished, reset
from ugbench.runs.run import Run
from ugbench.tracker import Tracker
from ugbench.training.callbacks import Callbacks
from ugbench.training.intervals import Intervals
from ugbench.training.machine import Machine
from ugbench.training.start import Start
from ugbench.training.state import State, resume
from ugbench.training.tracking import Tracking, tracking


def hold(held: ExitStack, run: Run, trackers: Mapping[str, Tracker], callbacks: Callbacks, restart: bool) -> Tracking:
    """Hold the run's lock until `held` is closed, which also records a failure and ends the trackers."""
    held.enter_context(run.training_lock())
    held.enter_context(record_failure(run))
    return held.enter_context(tracking(run, trackers, callbacks.log, restart))


def begin(run: Run, machine: Machine, start: Start, restart: bool) -> None:
    """Remove what an earlier training left, and copy what the run takes from another one."""
    remove_unfinished(run)
    if restart:
        reset(run)
    start.begin(run, machine)


def resume_begun(state: State, run: Run, intervals: Intervals, callbacks: Callbacks, start: Start) -> int | None:
    """Load the last checkpoint, if there is one, and return its step."""
    resumed_from = resume(state, run, intervals, callbacks.log)
    if resumed_from is None:
        start.check_is_used(run)
    return resumed_from
