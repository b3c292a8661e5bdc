"""Whether one method beats another: seeds are the unit, and few seeds can show little.

Images say how well one checkpoint's score is known, not how much the next training run would differ. So a claim
about methods takes one value a seed. With n against n seeds no exact test can give a p below 2 / C(2n, n) (0.1 at
n = 3), and a t-test that does rests on a normality that so few values cannot show. A comparison whose smallest
p stays above alpha after Holm is "not testable", however large its difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ugbench.statistics import holm

ALPHA, POWER = 0.05, 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True)
class MethodClaim:
    """What can be said of two methods.

    Attributes:
        difference: mean of the first method's values minus mean of the second's.
        se, low, high: its standard error and 95 % t interval over seeds; None with one seed a side, or no spread.
        p_value: two-sided, Welch's t or, with pairs, the paired t; None where `se` is.
        seeds: of each side.
        comparisons: in the family that the claim is one of.
        smallest_p: that an exact test could give with these seeds.
        testable: whether it stays at or below alpha after Holm over the family.
        seeds_needed: a side, to find this difference with a chance of 80 %, given the measured spread (itself
            uncertain over few seeds); None where the spread is unknown, the difference 0, or the number over 1,000.
        seeds_to_test: a side, below which nothing is testable in this family.
        adjusted_p: p_value after Holm over the family.
    """

    difference: float
    se: float | None
    low: float | None
    high: float | None
    p_value: float | None
    seeds: tuple[int, int]
    comparisons: int
    smallest_p: float
    testable: bool
    seeds_needed: int | None
    seeds_to_test: int
    adjusted_p: float | None = None

    def text(self, first: str, second: str, higher_is_better: bool = False) -> str:
        """One sentence that says which claim this is; `first` and `second` name the methods."""
        measured = f"{first} minus {second} is {self.difference:.3g} in the mean"
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
        winner, loser = (first, second) if (self.difference > 0) == higher_is_better else (second, first)
        return f"{winner} beats {loser} as a method: {measured} {over}."


def compare(first: Sequence[float], second: Sequence[float], comparisons: int = 1, paired: bool = False) -> MethodClaim:
    """The claim that two methods' values differ, one value a seed.

    Args:
        first, second: each method's values, at least 1.
        comparisons: how many claims are made together.
        paired: value i of both shares what seed i decides; then the counts must be equal. A seed shared by two
            methods is no reason: it gives them different weights and different batches.
    Raises:
        ValueError: no values, or pairs of unequal number.
    """
    if not first or not second or (paired and len(first) != len(second)):
        raise ValueError(f"values of {len(first)} and {len(second)} seeds; at least 1, and as many where paired")
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, m = len(x), len(y)
    difference = float(x.mean() - y.mean())
    smallest = smallest_p(n, m, paired)
    claim = MethodClaim(
        difference=difference,
        se=None,
        low=None,
        high=None,
        p_value=None,
        seeds=(n, m),
        comparisons=comparisons,
        smallest_p=smallest,
        testable=smallest * comparisons <= ALPHA,
        seeds_needed=None,
        seeds_to_test=seeds_to_test(comparisons, paired),
    )
    if min(n, m) < 2:
        return claim
    variances = (float((x - y).var(ddof=1)), 0.0) if paired else (float(x.var(ddof=1)), float(y.var(ddof=1)))
    # The rounding of equal values is no spread.
    if math.sqrt(sum(variances)) <= 1e-12 * max(float(np.abs(x).max()), float(np.abs(y).max())):
        return claim
    se = math.sqrt(variances[0] / n + variances[1] / m)
    freedom = n - 1.0 if paired else float(_welch(variances, np.array(n), np.array(m)))
    half = float(stats.t.ppf(0.975, freedom)) * se
    return replace(
        claim,
        se=se,
        low=difference - half,
        high=difference + half,
        p_value=float(2 * stats.t.sf(abs(difference) / se, freedom)),
        seeds_needed=seeds_needed(variances, difference, comparisons, paired),
    )


def over_family(claims: Sequence[tuple[Sequence[float], Sequence[float]]], paired: bool = False) -> list[MethodClaim]:
    """`compare` for pairs of values that are claimed together, with p-values adjusted by Holm.

    A comparison without a p-value counts in the family with p = 1.
    """
    found = [compare(first, second, len(claims), paired) for first, second in claims]
    adjusted = holm.adjusted([1.0 if claim.p_value is None else claim.p_value for claim in found])
    return [
        claim if claim.p_value is None else replace(claim, adjusted_p=p)
        for claim, p in zip(found, adjusted, strict=True)
    ]


def smallest_p(n: int, m: int, paired: bool = False) -> float:
    """The least two-sided p of an exact permutation test of n against m seeds, or of n pairs: 2 / 2^n."""
    return min(1.0, 2 / 2**n) if paired else min(1.0, 2 / math.comb(n + m, n))


def seeds_to_test(comparisons: int, paired: bool = False) -> int:
    """The fewest seeds a side with which one of `comparisons` claims can be significant after Holm."""
    n = 2
    while smallest_p(n, n, paired) * comparisons > ALPHA:
        n += 1
    return n


def seeds_needed(
    variances: tuple[float, float], difference: float, comparisons: int = 1, paired: bool = False
) -> int | None:
    """Seeds a side with which a t-test at alpha / comparisons finds `difference` with a chance of 80 %.

    That level is Holm's first step, its strictest. None where no number up to 1,000 does.

    Args:
        variances: of one value of each method (ddof 1), not both 0; with pairs, of their differences, and 0.
    """
    n = np.arange(seeds_to_test(comparisons, paired), MOST_SEEDS + 1)
    freedom = n - 1.0 if paired else _welch(variances, n, n)
    # Far out, where the power is 1, SciPy's noncentral t can lose its digits.
    shift = np.minimum(abs(difference) / np.sqrt(sum(variances) / n), 30.0)
    critical = stats.t.ppf(1 - ALPHA / (2 * comparisons), freedom)
    power = stats.nct.sf(critical, freedom, shift)  # in its own direction; the other tail is no finding
    enough = n[power >= POWER]
    return int(enough[0]) if len(enough) else None


def _welch(variances: tuple[float, float], n: NDArray[np.int64], m: NDArray[np.int64]) -> NDArray[np.float64]:
    """Welch's degrees of freedom for each number of seeds."""
    one, other = variances[0] / n, variances[1] / m
    freedom: NDArray[np.float64] = (one + other) ** 2 / (one**2 / (n - 1) + other**2 / (m - 1))
    return freedom
