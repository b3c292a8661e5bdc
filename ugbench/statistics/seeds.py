"""Tests whether one method beats another. The seed is the unit, so few seeds can show little.

Images tell how well the score of one checkpoint is known, not how different the next training run would be. So a claim
about methods uses one value per seed. The test is the exact one over relabellings of the seeds: if some seeds
fail, the values lie in two groups, and the t-test then makes more or fewer errors than its level states
(docs/statistics.md has both tests).

With n against n seeds the exact test gives no p below 2 / C(2n, n) (0.1 for n = 3). If that stays above alpha after
Holm's adjustment, the comparison is "not testable", however large the difference is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ugbench.statistics import holm
from ugbench.statistics.detectable import detectable
from ugbench.statistics.relabelling import exact_p_value, smallest_p
from ugbench.statistics.student import half_width, satterthwaite, two_sided_p

ALPHA = 0.05
TEST = "exact test over relabellings of the seeds, two-sided, at level 0.05 after Holm's adjustment"
"""The test in words, for plans."""


@dataclass(frozen=True, kw_only=True)
class MethodClaim:
    """A claim about two methods: their seeds' values come from different distributions.

    Attributes:
        values: the value of each seed, of the first and of the second method.
        difference: mean of the first method's values minus mean of the second's.
        se, low, high: its standard error and 95 % t interval over seeds (Welch); None if a method has one seed, or no
            value differs from another of its method.
        p_value: two-sided, of the exact test; 1 where each method has one seed.
        welch_p: two-sided, of Welch's t-test, for comparison only; None where `se` is None.
        seeds: number of seeds of each method.
        comparisons: number of claims in the family of this claim.
        smallest_p: the smallest p that the exact test could give with these seeds.
        testable: True if `smallest_p` is at most alpha after Holm's adjustment over the family.
        detectable: the difference that such seeds would show with a chance of 80 %, given the measured spread. It does
            not depend on the measured difference. None where `se` is None or nothing is testable.
        detectable_interval: its 90 % interval, because the spread is itself uncertain with few seeds; None in the same
            cases.
        seeds_to_test: seeds per method below which nothing is testable in this family.
        adjusted_p: p_value after Holm's adjustment over the family.
    """

    values: tuple[tuple[float, ...], tuple[float, ...]]
    difference: float
    se: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float
    welch_p: float | None = None
    seeds: tuple[int, int]
    comparisons: int
    smallest_p: float
    testable: bool
    detectable: float | None = None
    detectable_interval: tuple[float, float] | None = None
    seeds_to_test: int
    adjusted_p: float

    @property
    def is_shown(self) -> bool:
        """True if the test shows a difference between the two methods."""
        return self.testable and self.adjusted_p <= ALPHA

    def text(self, first: str, second: str, metric: str = "", scale: float = 1.0) -> str:
        """The claim in one sentence, for values where lower is better.

        Args:
            first, second: the methods' names.
            metric: what was measured, with its scale, as `KID x100`.
            scale: the factor of the difference in the sentence.
        """
        of_first, of_second = (f"{metric} of {first}", f"that of {second}") if metric else (first, second)
        measured = f"{of_first} minus {of_second} is {scale * self.difference:.3g} in the mean"
        if not self.testable:
            count = str(self.seeds[0]) if self.seeds[0] == self.seeds[1] else f"{self.seeds[0]} and {self.seeds[1]}"
            return (
                f"not testable with {count} {'seed' if self.seeds == (1, 1) else 'seeds'}: {measured}, and a claim "
                f"about the methods needs {self.seeds_to_test} seeds per method or more "
                f"({self.comparisons} comparison{'' if self.comparisons == 1 else 's'})."
            )
        name = "exact p" if self.comparisons == 1 else "exact p after Holm"
        over = f"({name} = {self.adjusted_p:.3g}, {self.seeds[0]} against {self.seeds[1]} seeds)"
        if not self.is_shown:
            power = ""
            if self.detectable is not None and self.detectable_interval is not None:
                low, high = (f"{scale * end:.3g}" for end in self.detectable_interval)
                power = (
                    f"; these seeds would show a difference of {scale * self.detectable:.3g} or more with a chance of "
                    f"80 % (from {low} to {high}, because so few seeds leave their spread uncertain)"
                )
            return f"neither method is shown to beat the other: {measured} {over}{power}."
        winner, loser = (second, first) if self.difference > 0 else (first, second)
        return f"{winner} beats {loser} as a method, on these images: {measured} {over}."


def compare(first: Sequence[float], second: Sequence[float], comparisons: int = 1) -> MethodClaim:
    """The claim that two methods' values differ, with one value per seed.

    The values are not paired, because an equal seed gives two methods different weights and different batches.

    Args:
        first, second: values of each method, at least 1.
        comparisons: number of claims that are made together.
    Raises:
        ValueError: a method has no values.
    """
    if not first or not second:
        raise ValueError(f"values of {len(first)} and {len(second)} seeds were given; give at least 1 of each method")
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, m = len(x), len(y)
    smallest, p_value = smallest_p(n, m), exact_p_value(first, second)
    claim = MethodClaim(
        values=(tuple(map(float, first)), tuple(map(float, second))),
        difference=float(x.mean() - y.mean()),
        p_value=p_value,
        seeds=(n, m),
        comparisons=comparisons,
        smallest_p=smallest,
        testable=smallest * comparisons <= ALPHA,
        seeds_to_test=seeds_to_test(comparisons),
        adjusted_p=min(1.0, p_value * comparisons),
    )
    if min(n, m) < 2:
        return claim
    variances = float(x.var(ddof=1)), float(y.var(ddof=1))
    # Rounding errors of equal values are no spread.
    if math.sqrt(sum(variances)) <= 1e-12 * max(float(np.abs(x).max()), float(np.abs(y).max())):
        return claim
    return _with_spread(claim, variances)


def over_family(claims: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[MethodClaim]:
    """`compare` for claims that are made together, with Holm's adjusted p-values."""
    unadjusted = [compare(first, second, len(claims)) for first, second in claims]
    adjusted = holm.adjusted([claim.p_value for claim in unadjusted])
    return [
        replace(claim, adjusted_p=claim.adjusted_p if p is None else p)
        for claim, p in zip(unadjusted, adjusted, strict=True)
    ]


def seeds_to_test(comparisons: int, paired: bool = False) -> int:
    """The smallest number of seeds per method with which one of `comparisons` claims can be significant after Holm."""
    n = 2
    while smallest_p(n, n, paired) * comparisons > ALPHA:
        n += 1
    return n


def _with_spread(claim: MethodClaim, variances: tuple[float, float]) -> MethodClaim:
    """The claim with the fields that need the variances (ddof 1) of both methods' values, which are not both 0."""
    (n, m), parts = claim.seeds, [variance / count for variance, count in zip(variances, claim.seeds, strict=True)]
    se = math.sqrt(sum(parts))
    freedom = satterthwaite(parts, [n - 1, m - 1])
    half = half_width(se, freedom)
    least = detectable(se, freedom, claim.seeds, ALPHA / claim.comparisons) if claim.testable else None
    return replace(
        claim,
        se=se,
        low=claim.difference - half,
        high=claim.difference + half,
        welch_p=two_sided_p(claim.difference, se, freedom),
        detectable=least.value if least else None,
        detectable_interval=(least.low, least.high) if least else None,
    )
