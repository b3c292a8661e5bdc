"""Tests whether raters prefer one method to another. The claim is about other raters and other images.

The statistic is the mean over raters of (share of the first - share of the second), divided by its standard error if
the true difference is 0. That error has a part over raters and a part over images (`vote_clusters`); what both contain,
the variance of single votes, is subtracted once, unless the rest would be smaller than one of the parts alone. With n
unanimous raters the statistic is at most sqrt(n), and p is never below 2^(1 - n), the smallest p of an exact test that
reverses the preferences of whole raters; the same holds for images. So fewer than 6 raters or images show nothing at
the level 0.05.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ugbench.statistics import holm
from ugbench.statistics.vote_clusters import Indices, VoteClusters, variances_about_zero

LEAST_CLUSTERS = 6
"""The least number of raters, and of images, with which p can be below 0.05."""


@dataclass(frozen=True)
class PreferenceDifference:
    """How often one option was chosen more than another.

    Attributes:
        first, second: indices of the options.
        value: the share of the first minus the share of the second, -1 to 1; each rater counts the same.
        p: two-sided; None with fewer than 6 raters or 6 images.
        adjusted_p: p after Holm over all pairs of options.
    """

    first: int
    second: int
    value: float
    p: float | None
    adjusted_p: float | None


def preference_differences(choices: Indices, clusters: VoteClusters, options: int) -> tuple[PreferenceDifference, ...]:
    """The differences of all pairs of options, in the order of the options.

    Args:
        choices: index of the chosen option of each vote.
        options: number of options.
    """
    pairs = list(combinations(range(options), 2))
    results = [_difference(choices, clusters, *pair) for pair in pairs]
    adjusted = holm.adjusted([p for _, p in results])
    return tuple(
        PreferenceDifference(*pair, value, p, adjusted_p)
        for pair, (value, p), adjusted_p in zip(pairs, results, adjusted, strict=True)
    )


def _difference(choices: Indices, clusters: VoteClusters, first: int, second: int) -> tuple[float, float | None]:
    values = (choices == first).astype(np.float64) - (choices == second)
    value = clusters.mean(values)
    if clusters.fewest < LEAST_CLUSTERS:
        return value, None
    over_raters, over_images, over_votes = variances_about_zero(values, clusters)
    variance = max(over_raters, over_images, over_raters + over_images - over_votes)
    if variance == 0:
        return value, 1.0
    p = math.erfc(abs(value) / math.sqrt(2 * variance))
    return value, max(p, 2.0 ** (1 - clusters.fewest))
