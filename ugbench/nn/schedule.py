"""Learning-rate schedules: factors from the number of steps done."""

from __future__ import annotations

from collections.abc import Callable


def constant_then_linear(steps: int) -> Callable[[int], float]:
    """1 for the first half of `steps`, then linear, reaching 0 at `steps` (so that no update is made at 0)."""
    half = steps / 2
    return lambda step: min(1.0, max(0.0, (steps - step) / half))


def halving(every: int) -> Callable[[int], float]:
    """Halved after every `every` steps."""
    return lambda step: 0.5 ** (step // every)
