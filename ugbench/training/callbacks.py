"""What is called while a run trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Score = Callable[[int, Callable[[], None]], Mapping[str, float]]
"""Scores the checkpoint of a step, and returns the scores by the names under which logs show them.

It calls its second argument now and then, which raises `Stopped` once a signal has asked to stop.
"""


@dataclass(frozen=True)
class Callbacks:
    """What is called while a run trains.

    Attributes:
        log: called with a sentence for the user.
        on_step: called after each step with the steps done, the steps of the run, and the losses if they were logged
            at this step.
        score: called for each checkpoint that is to be scored while the run trains; None scores none.
    """

    log: Callable[[str], None] = lambda _text: None
    on_step: Callable[[int, int, Mapping[str, float] | None], None] = lambda _step, _steps, _losses: None
    score: Score | None = None
