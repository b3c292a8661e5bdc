"""Means and ratios over images with their standard errors; images are the unit."""

from __future__ import annotations

import math

from scipy import stats
from torch import Tensor

from ugbench.metric import Score

# The normal quantile is no interval for fewer images.
ENOUGH = 30
NORMAL_95 = 1.959964


def mean_score(values: Tensor) -> Score:
    """Mean of one value an image, (n,), n >= 1; se = sd / sqrt(n); a 95 % interval from 30 images on."""
    values = values.double()
    n = len(values)
    se = float(values.std()) / math.sqrt(n) if n > 1 else None
    return _with_interval(float(values.mean()), se, n)


def ratio_score(numerator: Tensor, denominator: Tensor) -> Score:
    """Ratio of sums over images, sum(numerator) / sum(denominator), both (n,), the second sum above 0.

    Not the mean of the images' ratios: an image with hardly anything below the line would decide that mean.
    The standard error is that of the ratio's linear part (Cochran, Sampling Techniques, 3rd edition,
    chapter 6): the residuals are numerator - ratio * denominator.
    """
    numerator, denominator = numerator.double(), denominator.double()
    n = len(numerator)
    total = denominator.sum()
    value = numerator.sum() / total
    if n < 2:
        return Score(float(value))
    residuals = numerator - value * denominator
    se = float((n / (n - 1) * residuals.square().sum()).sqrt() / total)
    return _with_interval(float(value), se, n)


def student_interval(value: float, se: float, n: int) -> tuple[float, float]:
    """The 95 % interval value -+ t se, with Student's quantile of n - 1 degrees; n >= 2."""
    half = float(stats.t.ppf(0.975, n - 1)) * se
    return value - half, value + half


def _with_interval(value: float, se: float | None, n: int) -> Score:
    if se is None or n < ENOUGH:
        return Score(value, se)
    return Score(value, se, value - NORMAL_95 * se, value + NORMAL_95 * se)
