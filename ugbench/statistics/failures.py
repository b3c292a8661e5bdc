"""How often the training runs of a method fail: a share of its seeds, and the test of two methods' shares.

A mean over seeds hides that some of them failed: with values in two groups it is the value of neither. What counts as
failed is stated beforehand, as a bound on the score; a bound that is chosen by looking at the seeds makes the shares,
the intervals and the p-values mean nothing. A run whose training stopped at NaN or Inf has no score, and counts as
failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ugbench.statistics import holm
from ugbench.statistics.seeds import ALPHA


@dataclass(frozen=True)
class FailureRate:
    """How many seeds of a method failed.

    Attributes:
        failed: number of seeds that failed, those without a score included.
        stopped: how many of them have no score, because training stopped at NaN or Inf.
        seeds: number of seeds, with and without a score.
        low, high: the 95 % interval of the share of all seeds that fail, from 0 to 1 (Clopper and Pearson, Biometrika
            1934). It covers in 95 % or more, however few seeds there are.
    """

    failed: int
    stopped: int
    seeds: int
    low: float
    high: float

    def text(self, name: str) -> str:
        """`2 of 6 seeds of NAME failed (95 % interval 4.33 to 77.7 %)`."""
        stopped = f", {self.stopped} of them because training stopped at NaN or Inf" if self.stopped else ""
        noun = "seed" if self.seeds == 1 else "seeds"
        interval = f"95 % interval {100 * self.low:.3g} to {100 * self.high:.3g} %"
        return f"{self.failed} of {self.seeds} {noun} of {name} failed{stopped} ({interval})"


@dataclass(frozen=True)
class FailureClaim:
    """Whether seeds of one method fail more often than those of another.

    Attributes:
        above: a seed with a value above this failed.
        first, second: the failure rate of each method.
        p_value: two-sided, of Boschloo's exact test.
        adjusted_p: p_value after Holm's adjustment by `over_family`; before it the same.
    """

    above: float
    first: FailureRate
    second: FailureRate
    p_value: float
    adjusted_p: float

    @property
    def is_shown(self) -> bool:
        """True if the two methods are shown to fail differently often."""
        return self.adjusted_p <= ALPHA

    def text(self, first: str, second: str, metric: str, scale: float = 1.0) -> str:
        """The claim in one sentence.

        Args:
            first, second: the methods' names.
            metric: what was measured, with its scale, as `KID x100`.
            scale: the factor of the bound in the sentence.
        """
        verdict = "is shown" if self.is_shown else "is not shown"
        return (
            f"with {metric} above {scale * self.above:.4g} as failed, {self.first.text(first)} and "
            f"{self.second.text(second)}; that one method fails more often {verdict} (Boschloo's exact p after Holm = "
            f"{self.adjusted_p:.3g})."
        )


def failure_rate(values: Sequence[float], above: float, stopped: int = 0) -> FailureRate:
    """The failure rate of a method.

    Args:
        values: the score of each seed that has one; lower is better.
        above: a seed with a value above this, or NaN, failed.
        stopped: number of seeds whose training stopped at NaN or Inf.
    Raises:
        ValueError: there are no seeds.
    """
    from scipy import stats

    seeds = len(values) + stopped
    if not seeds:
        raise ValueError("a failure rate needs 1 seed at least, and there is none")
    failed = stopped + sum(not value <= above for value in values)
    interval = stats.binomtest(failed, seeds).proportion_ci(0.95, method="exact")
    return FailureRate(failed, stopped, seeds, float(interval.low), float(interval.high))


def compare(first: FailureRate, second: FailureRate, above: float) -> FailureClaim:
    """The claim that two methods fail differently often, before an adjustment for several comparisons."""
    p_value = boschloo_p((first.failed, first.seeds), (second.failed, second.seeds))
    return FailureClaim(above, first, second, p_value, p_value)


def over_family(claims: Sequence[FailureClaim]) -> list[FailureClaim]:
    """The claims with Holm's adjusted p-values, for claims that are made together."""
    adjusted = holm.adjusted([claim.p_value for claim in claims])
    return [
        replace(claim, adjusted_p=claim.p_value if p is None else p) for claim, p in zip(claims, adjusted, strict=True)
    ]


def boschloo_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The two-sided p-value of Boschloo's exact test of two shares (Statistica Neerlandica 1970).

    Fisher's exact test takes the total number of failures as given, which costs it much of its power with few seeds.

    Args:
        first, second: number of failures, and of seeds, of each method.
    """
    from scipy import stats

    (failed, seeds), (other_failed, other_seeds) = first, second
    table = [[failed, other_failed], [seeds - failed, other_seeds - other_failed]]
    if failed + other_failed in (0, seeds + other_seeds):
        return 1.0
    return float(min(1.0, stats.boschloo_exact(table).pvalue))
