"""Learning-rate schedules: functions from the number of steps that are done to a factor on the learning rate."""

from __future__ import annotations

from collections.abc import Callable


def constant_then_linear(steps: int, constant_share: float = 0.5) -> Callable[[int], float]:
    """1 for `constant_share` of the steps, then linear down to 0 when `steps` steps are done and training ends."""
    decay_steps = steps * (1 - constant_share)
    return lambda step: min(1.0, max(0.0, (steps - step) / decay_steps))


def halving(every: int) -> Callable[[int], float]:
    """1, then half as much after each `every` steps."""
    return lambda step: 0.5 ** (step // every)
