"""p-values of permutation tests from as many random permutations as it takes to say on which side of a level p lies.

A p-value from N permutations has a standard error of sqrt(p (1 - p) / N). This error is small enough if p is far from
the level that it is compared with, and too large if p is near it. So permutations are drawn in batches until an
interval of p holds none of the levels, as Gandy proposed (Journal of the American Statistical Association 2009), up to
a limit. The batches double in size, so p is compared with the levels only a few times. The risk of stopping on the
wrong side is divided equally among these times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

FIRST = 1000
"""Permutations in the first batch."""
MOST = 32_000
"""Permutations at most; a p-value near 0.05 then has a standard error of 0.0012."""
RISK = 0.01
"""The chance that the permutations drawn put p on another side of a level than all permutations would, where it stops
before the limit."""

_WORK = 32e9  # images^2 x permutations at most beyond the first batch: seconds on one core


class MonteCarloP(NamedTuple):
    """A p-value, and the number of random permutations that it comes from."""

    value: float
    permutations: int


def monte_carlo_p(
    hits_in_next: Callable[[int], int], levels: Sequence[float], images: int, permutations: int | None = None
) -> MonteCarloP:
    """The p-value (1 + hits) / (1 + permutations).

    Args:
        hits_in_next: draws this many more permutations and returns how many of them have a statistic of at least the
            observed one.
        levels: with which p will be compared.
        images: in all sets together; with many thousands fewer permutations than `MOST` are drawn, so that the cost
            stays bounded.
        permutations: draw exactly this many; None for as many as it takes.
    """
    if permutations is not None:
        return MonteCarloP((1 + hits_in_next(permutations)) / (1 + permutations), permutations)
    looks = _looks(images)
    hits = drawn = 0
    for total in looks:
        hits += hits_in_next(total - drawn)
        drawn = total
        if _excludes(levels, hits, drawn, RISK / len(looks)):
            break
    return MonteCarloP((1 + hits) / (1 + drawn), drawn)


def _looks(images: int) -> list[int]:
    """The numbers of permutations after which p is compared with the levels."""
    most, looks = min(MOST, _WORK / images**2), [FIRST]
    while 2 * looks[-1] <= most:
        looks.append(2 * looks[-1])
    return looks


def _excludes(levels: Sequence[float], hits: int, drawn: int, risk: float) -> bool:
    """True if the exact interval (Clopper and Pearson) of the probability of a hit holds none of the levels."""
    from scipy import stats

    interval = stats.binomtest(hits, drawn).proportion_ci(1 - risk, method="exact")
    return not any(interval.low <= level <= interval.high for level in levels)
