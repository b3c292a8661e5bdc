"""Means and ratios over images with their standard errors and intervals. The image is the unit of observation.

Few images can carry most of a mean: a method that leaves every tenth source untouched has one large value among ten
small ones. Then the interval value -+ t se covers too little, because a sample whose mean is too small has a standard
error that is too small as well. So the interval allows for the skewness of the values (`skewed_interval`). It is about
the mean over all images like these, of which the test images are a sample.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

from scipy import stats
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Score
from ugbench.metrics._defaults import MIN_FOR_INTERVAL

_SYMMETRIC = 1e-6  # a skewness below this changes no digit of an interval, and dividing by it would be inexact


def mean_score(values: Tensor, least: int = MIN_FOR_INTERVAL) -> Score:
    """Mean of one value per image, (n,), n >= 1; se = sd / sqrt(n); a 95 % interval if n >= `least`, which is >= 3."""
    values = values.double()
    mean = values.mean()
    return _with_interval(float(mean), values - mean, least)


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


def ratio_score(numerator: Tensor, denominator: Tensor, least: int = MIN_FOR_INTERVAL) -> Score:
    """Ratio of sums over images, sum(numerator) / sum(denominator), both (n,); the second sum is above 0.

    It is not the mean of the images' ratios: one image with a very small denominator would decide that mean.
    The standard error and the interval are those of the ratio's linear part (Cochran, Sampling Techniques, 3rd
    edition, chapter 6): the residuals are numerator - ratio * denominator.
    """
    numerator, denominator = numerator.double(), denominator.double()
    mean_denominator = denominator.mean()
    value = numerator.sum() / denominator.sum()
    return _with_interval(float(value), (numerator - value * denominator) / mean_denominator, least)


@cache
def student_quantile(n: int, level: float = 0.95) -> float:
    """Student's two-sided quantile of this level with n - 1 degrees of freedom; n >= 2."""
    return float(stats.t.ppf((1 + level) / 2, n - 1))


def student_interval(value: float, se: float, n: int) -> tuple[float, float]:
    """The 95 % interval value -+ t se, with Student's quantile of n - 1 degrees of freedom; n >= 2."""
    half = student_quantile(n) * se
    return value - half, value + half


def skewed_interval(value: float, se: float, skewness: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of a mean of skewed values: Student's t after Hall's transformation, which removes the skewness.

    P. Hall, On the removal of skewness by transformation, Journal of the Royal Statistical Society B 54 (1992), p. 221.
    Without skewness it is value -+ t se. With values that are skewed to the right, the upper end is farther from the
    value than that, and the lower end is nearer.

    Args:
        value: the mean, with standard error `se` = sd / sqrt(n).
        skewness: of the values, the adjusted Fisher-Pearson coefficient.
        n: number of values, at least 2.
        level: the coverage that is aimed at.
    """
    quantile = student_quantile(n, level)
    if abs(skewness) < _SYMMETRIC:
        return value - quantile * se, value + quantile * se
    sd = se * math.sqrt(n)

    def untransformed(t: float) -> float:
        """The W whose transformation is t / sqrt(n)."""
        return 3 / skewness * (math.cbrt(1 + skewness * (t / math.sqrt(n) - skewness / (6 * n))) - 1)

    return value - untransformed(quantile) * sd, value - untransformed(-quantile) * sd


def _with_interval(value: float, deviations: Tensor, least: int) -> Score:
    """The score with the error and the interval of a mean whose values deviate by this much from it, float64 (n,)."""
    n = len(deviations)
    if n < 2:
        return Score(value)
    sd = float((deviations.square().sum() / (n - 1)).sqrt())
    se = sd / math.sqrt(n)
    if n < least:
        return Score(value, se)
    third_moment = float(deviations.pow(3).sum()) * n / ((n - 1) * (n - 2))
    skewness = third_moment / sd**3 if sd > 0 else 0.0
    return Score(value, se, *skewed_interval(value, se, skewness, n))
