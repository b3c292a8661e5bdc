"""Tests whether a difference is beyond or within a margin that was stated beforehand.

A p-value against zero is not enough: with many seeds any difference is significant, and with few seeds no significance
proves nothing. So each mean is tested twice: is it beyond the margin, and is it within it? If neither is shown, there
were too few seeds, or the mean is too near the margin.

`Equivalence` is the second of these tests for the difference of two checkpoints or two methods: two one-sided tests at
5 % (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987) show that the difference is within the margin if
its 90 % interval is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Literal

from ugbench.statistics import holm
from ugbench.statistics.seeds import ALPHA

Side = Literal["both", "below"]
LEVEL = 1 - 2 * ALPHA  # of the interval that is equivalent to two one-sided tests at ALPHA
LEAST_SEEDS = 4  # per method: with fewer, no exact test at ALPHA could show anything about methods


@dataclass(frozen=True)
class Contrast:
    """A mean over seeds, its interval, and its tests against a margin; Student's t with n - 1 degrees of freedom.

    Attributes:
        mean: of the values.
        se, low, high: its standard error over seeds and 95 % interval; None with one seed.
        seeds: number of values.
        margin: above 0.
        side: "both": beyond means outside [-margin, margin]; "below": beyond means below -margin.
        beyond: p-value of the hypothesis that the mean is within the margin, two-sided for "both"; None with one seed.
        within: p-value of the hypothesis that the mean is beyond the margin (two one-sided tests for "both"); None
            with one seed.
        adjusted: `beyond` after Holm's adjustment over a family of tests; None before it.
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
        """True if the mean is shown to be beyond the margin, after Holm if there is a family."""
        p = self.beyond if self.adjusted is None else self.adjusted
        return p is not None and p <= ALPHA

    @property
    def is_within(self) -> bool:
        """True if the mean is shown to be within the margin: its 90 % interval lies there."""
        return self.within is not None and self.within <= ALPHA

    @property
    def narrow(self) -> tuple[float, float] | None:
        """The 90 % interval; None with one seed."""
        if self.se is None:
            return None
        from scipy import stats

        half = float(stats.t.ppf(1 - ALPHA, self.seeds - 1)) * self.se
        return self.mean - half, self.mean + half

    def text(self) -> str:
        """`0.213 [0.170, 0.256]`."""
        mean = three_decimals(self.mean)
        if self.low is None or self.high is None:
            return mean
        return f"{mean} [{three_decimals(self.low)}, {three_decimals(self.high)}]"


def against_margin(values: Sequence[float], margin: float, side: Side = "both") -> Contrast:
    """Test the mean of `values`, one per seed, against `margin`.

    If all values are equal, the p-values are 0 or 1.

    Raises:
        ValueError: there are no values, or the margin is not above 0.
    """
    from scipy import stats

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
    """The contrasts with Holm's `adjusted`; a contrast without a p-value counts with p = 1."""
    adjusted = holm.adjusted([contrast.beyond for contrast in contrasts])
    return [replace(contrast, adjusted=p) for contrast, p in zip(contrasts, adjusted, strict=True)]


def three_decimals(value: float) -> str:
    """A number with three decimals, never "-0.000"."""
    return f"{round(value, 3) + 0.0:.3f}"


def _tail(distance: float, se: float, n: int) -> float:
    """The one-sided p-value of a mean that lies `distance` beyond a bound, on the side that is to be shown."""
    from scipy import stats

    if se == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stats.t.sf(distance / se, n - 1))


@dataclass(frozen=True)
class Equivalence:
    """Whether the difference of two scores is shown to be within a margin.

    Attributes:
        margin: above 0; it was chosen before the scores were seen.
        low, high: the 90 % interval of the difference; None where there is none.
        reason: why there is no interval, as part of a sentence; None where there is one.
    """

    margin: float
    low: float | None
    high: float | None
    reason: str | None = None

    @property
    def shown(self) -> bool:
        """True if the interval lies within the margin."""
        return self.low is not None and self.high is not None and -self.margin < self.low and self.high < self.margin

    def text(self, unit: str, first: str, second: str, metric: str, scale: float = 1.0) -> str:
        """The claim in one sentence.

        Args:
            unit: what is compared: `checkpoints` or `methods`.
            first, second: their names.
            metric: what was measured, with its scale, as `KID x100`.
            scale: the factor of the numbers in the sentence.
        """
        margin = f"\N{PLUS-MINUS SIGN}{scale * self.margin:.4g}"
        if self.low is None or self.high is None:
            return f"equivalence of {first} and {second} as {unit} within {margin} is not tested: {self.reason}."
        verdict = "equivalent" if self.shown else "not shown to be equivalent"
        interval = f"[{scale * self.low:.3g}, {scale * self.high:.3g}]"
        where = "inside" if self.shown else "not inside"
        return (
            f"{first} and {second} are {verdict} as {unit}: the 90 % interval of the difference in {metric} is "
            f"{interval}, {where} {margin}."
        )


def of_images(low: float | None, high: float | None, margin: float, least: int) -> Equivalence:
    """Equivalence of two sets of outputs, or of outputs and real images, by the 90 % interval over images.

    Args:
        low, high: the interval; None with too few images.
        least: smallest number of images per set for which there is an interval.
    """
    reason = None if low is not None else f"its interval needs {least} images per set"
    return Equivalence(margin, low, high, reason)


def of_methods(first: Sequence[float], second: Sequence[float], margin: float) -> Equivalence:
    """Equivalence of two methods by Welch's interval over seeds, with one value per seed."""
    from scipy import stats

    if min(len(first), len(second)) < LEAST_SEEDS:
        reason = f"it needs {LEAST_SEEDS} seeds per method, and there are {len(first)} and {len(second)}"
        return Equivalence(margin, None, None, reason)
    if len({*first}) == 1 and len({*second}) == 1:
        return Equivalence(margin, None, None, "the seeds of each method gave one value")
    low, high = stats.ttest_ind(first, second, equal_var=False).confidence_interval(LEVEL)
    return Equivalence(margin, float(low), float(high))
