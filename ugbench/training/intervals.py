"""How often a run is saved, logged and scored, and how often sample grids are drawn."""

from __future__ import annotations

import time
from dataclasses import dataclass

SAVE_SECONDS = 15 * 60.0  # so that a run of slow steps loses at most this time when it is killed


@dataclass(frozen=True)
class Intervals:
    """How often a run is saved, logged and scored, and samples are drawn, in steps; saving may go by time too.

    None derives an interval from the length of the run. Nothing here changes the training, so it is no part of a run's
    id.

    Attributes:
        keep: how many of the newest checkpoints stay on the disk; None for all. Checkpoints that are made between the
            regular ones do not count, and only the newest of them stays.
        save_seconds: seconds after a save at which the run is saved again. If only one of `save_every` and
            `save_seconds` is given, it alone decides; if neither is given, a run is saved by steps and, between
            these saves, at least every 15 minutes.
        eval_every: a run is saved and scored after each so many steps, and at its last step; None never scores.
    """

    save_every: int | None = None
    log_every: int | None = None
    sample_every: int | None = None
    keep: int | None = 2
    save_seconds: float | None = None
    eval_every: int | None = None

    def resolved(self, steps: int) -> Intervals:
        """These intervals for a run of `steps` steps; of `save_every` and `save_seconds` one stays None if unused."""
        save_every, save_seconds = self.save_every, self.save_seconds
        if save_every is None and save_seconds is None:
            save_every, save_seconds = max(100, steps // 100), SAVE_SECONDS
        return Intervals(
            save_every,
            self.log_every or max(1, min(100, steps // 1000)),
            self.sample_every or max(1, steps // 10),
            self.keep,
            save_seconds,
            self.eval_every,
        )

    def is_scored(self, step: int, steps: int) -> bool:
        """Whether the checkpoint of a step is scored, in a run of `steps` steps."""
        return self.eval_every is not None and step > 0 and (step % self.eval_every == 0 or step == steps)

    def is_saved(self, step: int, steps: int) -> bool:
        """Whether a run of `steps` steps has a regular checkpoint of this step; `save_seconds` may add others."""
        by_steps = self.save_every is not None and step % self.save_every == 0
        return step == steps or by_steps or self.is_scored(step, steps)


class SaveClock:
    """Says when a run must be saved because `seconds` have passed since the last save; None is never."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Count from now on; to be called after each save."""
        self._last_save = time.monotonic()

    def is_due(self) -> bool:
        """Whether the time has passed."""
        return self._seconds is not None and time.monotonic() - self._last_save >= self._seconds
