"""What a finished run may still lack: the scores of its last checkpoint, and lines at trackers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ugbench.runs.run import Run
from ugbench.tracker import Tracker
from ugbench.training.callbacks import Callbacks
from ugbench.training.checkpoint_scores import score_checkpoint
from ugbench.training.intervals import Intervals
from ugbench.training.signals import stop_on_signals
from ugbench.training.tracking import tracking


def complete(run: Run, intervals: Intervals, callbacks: Callbacks, trackers: Mapping[str, Tracker]) -> None:
    """Score the last checkpoint of a finished run, if it is one that is scored, and send trackers what they lack.

    Raises:
        Stopped: a signal was received while the checkpoint was scored.
        RunError: another process trains the run.
        UgbenchError: a tracker cannot be started.
    """
    step, scores = run.step(), {}
    if callbacks.score is not None and intervals.is_scored(step, run.steps):
        with stop_on_signals() as stop:
            scores = dict(score_checkpoint(callbacks.score, step, stop, callbacks.log, step))
    send(run, trackers, scores, callbacks.log)


def send(run: Run, trackers: Mapping[str, Tracker], scores: Mapping[str, float], log: Callable[[str], None]) -> None:
    """Send trackers these scores of the last checkpoint of a finished run, and what else they lack.

    Raises:
        RunError: another process trains the run.
        UgbenchError: a tracker cannot be started.
    """
    if trackers:
        with run.training_lock(), tracking(run, trackers, log) as tracked:
            tracked.go_on()
            tracked.scalars(run.step(), scores)
