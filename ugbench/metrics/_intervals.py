"""Means and ratios over images with their standard errors. The image is the unit of observation."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

from scipy import stats
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Score

MIN_FOR_INTERVAL = 30  # with fewer images a mean of skewed values has no honest interval


def mean_score(values: Tensor) -> Score:
    """Mean of one value per image, (n,), n >= 1; se = sd / sqrt(n); a 95 % interval if n >= 30."""
    values = values.double()
    n = len(values)
    se = float(values.std()) / math.sqrt(n) if n > 1 else None
    return _with_interval(float(values.mean()), se, n)


def mean_of_each(values: Tensor) -> Score:
    """`mean_score`, and the value of each image as its contribution."""
    return replace(mean_score(values), each=tuple(values.double().tolist()))


def mean_distance(metric: str, distances: Tensor) -> Score:
    """The mean over pairs with its standard error over sources.

    Args:
        metric: name of the metric, for the error message.
        distances: float (n,), one for each pair of source and output.
    Raises:
        UsageError: there are no pairs.
    """
    check_pairs(metric, distances)
    return mean_score(distances)


def check_pairs(metric: str, distances: Tensor) -> None:
    """Raises UsageError if there are no distances of pairs, because there are no outputs."""
    if len(distances) == 0:
        raise UsageError(f"{metric}: there are no pairs of images; give one output at least.")


def ratio_score(numerator: Tensor, denominator: Tensor) -> Score:
    """Ratio of sums over images, sum(numerator) / sum(denominator), both (n,); the second sum is above 0.

    It is not the mean of the images' ratios: one image with a very small denominator would decide that mean.
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


@cache
def student_quantile(n: int, level: float = 0.95) -> float:
    """Student's two-sided quantile of this level with n - 1 degrees of freedom; n >= 2."""
    return float(stats.t.ppf((1 + level) / 2, n - 1))


def student_interval(value: float, se: float, n: int) -> tuple[float, float]:
    """The 95 % interval value -+ t se, with Student's quantile of n - 1 degrees of freedom; n >= 2."""
    half = student_quantile(n) * se
    return value - half, value + half


def _with_interval(value: float, se: float | None, n: int) -> Score:
    if se is None or n < MIN_FOR_INTERVAL:
        return Score(value, se)
    return Score(value, se, *student_interval(value, se, n))
