"""The mean of one value a seed, held against a margin that was stated beforehand.

A p-value against zero says too little both ways: with enough seeds any difference is significant, and with few a
missing one proves nothing. So two questions are put to each mean: is it beyond the margin, and is it within it? Where
neither can be said, the seeds were too few or the difference too near the margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Literal

from scipy import stats

from ugbench.statistics import holm
from ugbench.statistics.seeds import ALPHA

Side = Literal["both", "below"]


@dataclass(frozen=True)
class Contrast:
    """A mean over seeds, its interval, and what it is against a margin; Student's t with n - 1 degrees.

    Attributes:
        mean: of the values.
        se, low, high: its standard error over seeds and 95 % interval; None with one seed.
        seeds: how many values.
        margin: above 0.
        side: "both": beyond is outside [-margin, margin]; "below": beyond is below -margin.
        beyond: p-value against the mean being within, two-sided where both sides count; None with one seed.
        within: p-value against the mean being beyond (two one-sided tests where both sides count); None the same.
        adjusted: `beyond` after Holm over the family that it is one of.
    """

    mean: float
    se: float | None
    low: float | None
    high: float | None
    seeds: int
    margin: float
    side: Side
    beyond: float | None
    within: float | None
    adjusted: float | None = None

    @property
    def is_beyond(self) -> bool:
        """Whether it is shown to be beyond the margin, after Holm where it is one of a family."""
        p = self.beyond if self.adjusted is None else self.adjusted
        return p is not None and p <= ALPHA

    @property
    def is_within(self) -> bool:
        """Whether it is shown to be within the margin: its 90 % interval lies there."""
        return self.within is not None and self.within <= ALPHA

    @property
    def narrow(self) -> tuple[float, float] | None:
        """The 90 % interval; None with one seed."""
        if self.se is None:
            return None
        half = float(stats.t.ppf(1 - ALPHA, self.seeds - 1)) * self.se
        return self.mean - half, self.mean + half

    def text(self) -> str:
        """`0.213 [0.170, 0.256]`."""
        mean = three_decimals(self.mean)
        if self.low is None or self.high is None:
            return mean
        return f"{mean} [{three_decimals(self.low)}, {three_decimals(self.high)}]"


def against_margin(values: Sequence[float], margin: float, side: Side = "both") -> Contrast:
    """Hold the mean of `values`, one a seed, against `margin`.

    Values without any spread are taken at their word: their p-values are 0 or 1.

    Raises:
        ValueError: no values, or a margin that is not above 0.
    """
    if not values or margin <= 0:
        raise ValueError(f"{len(values)} values and a margin of {margin}; at least 1 and above 0")
    n, mean = len(values), fmean(values)
    if n == 1:
        return Contrast(mean, None, None, None, n, margin, side, None, None)
    se = stdev(values) / math.sqrt(n)
    half = float(stats.t.ppf(1 - ALPHA / 2, n - 1)) * se
    within_low, within_high = _tail(mean + margin, se, n), _tail(margin - mean, se, n)
    if side == "below":
        beyond, within = _tail(-margin - mean, se, n), within_low
    else:
        beyond = min(1.0, 2 * min(_tail(-margin - mean, se, n), _tail(mean - margin, se, n)))
        within = max(within_low, within_high)
    return Contrast(mean, se, mean - half, mean + half, n, margin, side, beyond, within)


def over_family(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The contrasts with `adjusted` by Holm; one without a p-value counts with 1."""
    adjusted = holm.adjusted([1.0 if one.beyond is None else one.beyond for one in contrasts])
    return [one if one.beyond is None else replace(one, adjusted=p) for one, p in zip(contrasts, adjusted, strict=True)]


def three_decimals(value: float) -> str:
    """As figures are written beside a margin; no minus before a zero."""
    return f"{round(value, 3) + 0.0:.3f}"


def _tail(distance: float, se: float, n: int) -> float:
    """The one-sided p-value of a mean that lies `distance` past a bound, towards what is to be shown."""
    if se == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stats.t.sf(distance / se, n - 1))
