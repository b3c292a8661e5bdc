"""Tests whether one method beats another. The seed is the unit, so few seeds can show little.

Images tell how well the score of one checkpoint is known, not how different the next training run would be. So a claim
about methods uses one value per seed. With n against n seeds no exact test can give a p below 2 / C(2n, n) (0.1 for
n = 3). A t-test can, but it assumes a normal distribution, which so few values cannot show. If the smallest possible p
of a comparison stays above alpha after Holm's adjustment, the comparison is "not testable", however large the
difference is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ugbench.statistics import holm

ALPHA, POWER = 0.05, 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True, kw_only=True)
class MethodClaim:
    """A claim about two methods.

    Attributes:
        difference: mean of the first method's values minus mean of the second's.
        se, low, high: its standard error and 95 % t interval over seeds; None if a method has one seed, or no spread.
        p_value: two-sided, of Welch's t-test; None where `se` is None.
        seeds: number of seeds of each method.
        comparisons: number of claims in the family of this claim.
        smallest_p: the smallest p that an exact test could give with these seeds.
        testable: True if `smallest_p` is at most alpha after Holm's adjustment over the family.
        seeds_needed: seeds per method that find this difference with a chance of 80 %, given the measured spread
            (which is uncertain with few seeds); None if the spread is unknown, the difference is 0, or the number is
            over 1,000.
        seeds_to_test: seeds per method below which nothing is testable in this family.
        adjusted_p: p_value after Holm's adjustment over the family.
    """

    difference: float
    se: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    seeds: tuple[int, int]
    comparisons: int
    smallest_p: float
    testable: bool
    seeds_needed: int | None = None
    seeds_to_test: int
    adjusted_p: float | None = None

    def text(self, first: str, second: str, metric: str = "", scale: float = 1.0) -> str:
        """The claim in one sentence, for values where lower is better.

        Args:
            first, second: the methods' names.
            metric: what was measured, with its scale, as `KID x100`.
            scale: the sentence has the difference times this.
        """
        of_first, of_second = (f"{metric} of {first}", f"that of {second}") if metric else (first, second)
        measured = f"{of_first} minus {of_second} is {scale * self.difference:.3g} in the mean"
        if not self.testable:
            count = str(self.seeds[0]) if self.seeds[0] == self.seeds[1] else f"{self.seeds[0]} and {self.seeds[1]}"
            needed = max(self.seeds_to_test, self.seeds_needed or 0)
            return (
                f"not testable with {count} {'seed' if self.seeds == (1, 1) else 'seeds'}: {measured}, and a claim "
                f"about the methods needs {needed} seeds a side or more ({self.comparisons} comparison(s))."
            )
        if self.p_value is None:
            return f"not testable without a spread: {measured}, and the seeds of each method gave one value."
        p, name = (self.p_value, "p") if self.adjusted_p is None else (self.adjusted_p, "Holm p")
        over = f"({name} = {p:.3g}, {self.seeds[0]} against {self.seeds[1]} seeds)"
        if p > ALPHA:
            more = f"; {self.seeds_needed} seeds a side would show such a difference" if self.seeds_needed else ""
            return f"neither method is shown to beat the other: {measured} {over}{more}."
        winner, loser = (second, first) if self.difference > 0 else (first, second)
        return f"{winner} beats {loser} as a method: {measured} {over}."


def compare(first: Sequence[float], second: Sequence[float], comparisons: int = 1) -> MethodClaim:
    """The claim that two methods' values differ, with one value per seed.

    The values are not paired, because an equal seed gives two methods different weights and different batches.

    Args:
        first, second: values of each method, at least 1.
        comparisons: number of claims that are made together.
    Raises:
        ValueError: a method has no values.
    """
    from scipy import special

    if not first or not second:
        raise ValueError(f"values of {len(first)} and {len(second)} seeds were given; give at least 1 of each method")
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, m = len(x), len(y)
    difference, smallest = float(x.mean() - y.mean()), smallest_p(n, m)
    claim = MethodClaim(
        difference=difference,
        seeds=(n, m),
        comparisons=comparisons,
        smallest_p=smallest,
        testable=smallest * comparisons <= ALPHA,
        seeds_to_test=seeds_to_test(comparisons),
    )
    if min(n, m) < 2:
        return claim
    variances = float(x.var(ddof=1)), float(y.var(ddof=1))
    # Rounding errors of equal values are no spread.
    if math.sqrt(sum(variances)) <= 1e-12 * max(float(np.abs(x).max()), float(np.abs(y).max())):
        return claim
    se = math.sqrt(variances[0] / n + variances[1] / m)
    freedom = float(_welch(variances, np.array(n), np.array(m)))
    half = float(special.stdtrit(freedom, 0.975)) * se
    return replace(
        claim,
        se=se,
        low=difference - half,
        high=difference + half,
        p_value=float(2 * special.stdtr(freedom, -abs(difference) / se)),
        seeds_needed=seeds_needed(variances, difference, comparisons),
    )


def over_family(claims: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[MethodClaim]:
    """`compare` for claims that are made together, with Holm's adjusted p-values.

    A comparison without a p-value counts in the family with p = 1.
    """
    unadjusted = [compare(first, second, len(claims)) for first, second in claims]
    adjusted = holm.adjusted([claim.p_value for claim in unadjusted])
    return [replace(claim, adjusted_p=p) for claim, p in zip(unadjusted, adjusted, strict=True)]


def smallest_p(n: int, m: int, paired: bool = False) -> float:
    """The smallest two-sided p of an exact permutation test: 2 / C(n + m, n), or 2 / 2^n for n pairs."""
    return min(1.0, 2 / 2**n) if paired else min(1.0, 2 / math.comb(n + m, n))


def seeds_to_test(comparisons: int, paired: bool = False) -> int:
    """The smallest number of seeds per method with which one of `comparisons` claims can be significant after Holm."""
    n = 2
    while smallest_p(n, n, paired) * comparisons > ALPHA:
        n += 1
    return n


def seeds_needed(variances: tuple[float, float], difference: float, comparisons: int = 1) -> int | None:
    """Seeds per method with which a t-test at alpha / comparisons finds `difference` with a chance of 80 %.

    This level is the first and strictest step of Holm's adjustment. None if no number up to 1,000 is enough.

    Args:
        variances: variance of the values of each method (ddof 1), not both 0.
    """
    from scipy import special

    n = np.arange(seeds_to_test(comparisons), MOST_SEEDS + 1)
    freedom = _welch(variances, n, n)
    # Far in the tail, where the power is 1, SciPy's noncentral t can lose its digits.
    shift = np.minimum(abs(difference) / np.sqrt(sum(variances) / n), 30.0)
    critical = special.stdtrit(freedom, 1 - ALPHA / (2 * comparisons))
    # A significant difference in the wrong direction does not count as found.
    power = 1 - special.nctdtr(freedom, shift, critical)
    enough = n[power >= POWER]
    return int(enough[0]) if len(enough) else None


def _welch(variances: tuple[float, float], n: NDArray[np.int64], m: NDArray[np.int64]) -> NDArray[np.float64]:
    """Welch's degrees of freedom for each number of seeds."""
    first, second = variances[0] / n, variances[1] / m
    freedom: NDArray[np.float64] = (first + second) ** 2 / (first**2 / (n - 1) + second**2 / (m - 1))
    return freedom
