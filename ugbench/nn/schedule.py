"""Learning-rate schedules: functions from the number of steps that are done to a factor on the learning rate."""

from __future__ import annotations

from collections.abc import Callable


def constant_then_linear(steps: int) -> Callable[[int], float]:
    """1 for the first half of the steps, then linear down to 0 at `steps`, a step that is never made."""
    half = steps / 2
    return lambda step: min(1.0, max(0.0, (steps - step) / half))


def halving(every: int) -> Callable[[int], float]:
    """1, then half as much after each `every` steps."""
    return lambda step: 0.5 ** (step // every)
