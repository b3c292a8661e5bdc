"""Errors over seeds and test images together: for claims about other images of the same kind.

The spread over seeds says how much a mean would change with other seeds, for these test images. Other test images would
change it too, in the same way for every seed, so more seeds do not help against that. The two variances are added: that
of the mean over seeds (its jackknife over images, which drops a source from all seeds and both methods at once), and
that of the seeds. The sum counts the interaction of seeds and images twice, so it is slightly too large, never too
small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from ugbench.statistics import holm
from ugbench.statistics.seeds import ALPHA
from ugbench.statistics.student import half_width, satterthwaite, two_sided_p

if TYPE_CHECKING:
    from torch import Tensor

    from ugbench.metrics._kernel import RowSums


LEAST_SEEDS = 3
"""Seeds per method. With two, the interval of a difference covered 92.7 % in simulations (docs/statistics.md)."""


@dataclass(frozen=True)
class CrossedClaim:
    """A claim about two methods, for other seeds and for other images like these.

    Attributes:
        difference: mean of the first method's KIDs over its seeds minus that of the second's, raw.
        images_se: its standard error over sources and references, for these seeds.
        seeds_se: its standard error over seeds, for these images.
        se: its standard error over both.
        low, high: the 95 % t interval with Satterthwaite's degrees of freedom.
        p_value: two-sided, of the same t.
        adjusted_p: p_value after Holm's adjustment by `over_family`; before it the same as `p_value`.
    """

    difference: float
    images_se: float
    seeds_se: float
    se: float
    low: float
    high: float
    p_value: float
    adjusted_p: float

    def text(self, metric: str, scale: float, testable: bool) -> str:
        """The claim in one sentence.

        Args:
            metric: what was measured, with its scale, as `KID x100`.
            scale: the factor of the numbers in the sentence.
            testable: False if the seeds are too few for a claim about methods, see `ugbench.statistics.seeds`; then the
                sentence has the interval and makes no claim.
        """
        low, high = (f"{scale * value:.3g}" for value in (self.low, self.high))
        measured = (
            f"{metric} differs by {scale * self.difference:.3g} ± {scale * self.se:.3g} over seeds and images, 95 % "
            f"interval {low} to {high}"
        )
        if not testable:
            return f"for other images like these: {measured}; with so few seeds this is no claim about the methods."
        verdict = "a difference is shown" if self.adjusted_p <= ALPHA else "no difference is shown"
        return f"for other images like these {verdict}: {measured}, p after Holm = {self.adjusted_p:.3g}."


class CrossedMean(NamedTuple):
    """The standard error of a mean over seeds, over seeds and images together, and its 95 % t interval."""

    se: float
    low: float
    high: float


def compare(first: Sequence[RowSums], second: Sequence[RowSums]) -> CrossedClaim | None:
    """The claim that two methods' mean KIDs differ, from the kernel sums of each seed's outputs.

    Args:
        first, second: the kernel sums of each method, one for each seed; all are of the same sources in the same order,
            and of the same references.
    Returns:
        None where a method has fewer than `LEAST_SEEDS` seeds: too few to know how much trainings differ.
    """
    if min(len(first), len(second)) < LEAST_SEEDS:
        return None
    from ugbench.metrics import _kernel

    (first_fake, first_real), (second_fake, second_real) = _mean_left_out(first), _mean_left_out(second)
    images = float(_kernel.variance_of(first_fake - second_fake, first_real - second_real))
    values = [[_kernel.unbiased(sums) for sums in of_method] for of_method in (first, second)]
    parts = [images, *(_variance_of_mean(of_method) for of_method in values)]
    freedoms = [min(len(first_fake), len(first_real)) - 1, len(first) - 1, len(second) - 1]
    difference = sum(values[0]) / len(first) - sum(values[1]) / len(second)
    se, freedom = math.sqrt(sum(parts)), satterthwaite(parts, freedoms)
    half, p_value = half_width(se, freedom), two_sided_p(difference, se, freedom)
    return CrossedClaim(
        difference=difference,
        images_se=math.sqrt(images),
        seeds_se=math.sqrt(sum(parts[1:])),
        se=se,
        low=difference - half,
        high=difference + half,
        p_value=p_value,
        adjusted_p=p_value,
    )


def over_family(claims: Sequence[CrossedClaim | None]) -> list[CrossedClaim | None]:
    """The claims with Holm's adjusted p-values over all of them; None counts as a claim with p = 1."""
    adjusted = holm.adjusted([None if claim is None else claim.p_value for claim in claims])
    return [
        None if claim is None or p_value is None else replace(claim, adjusted_p=p_value)
        for claim, p_value in zip(claims, adjusted, strict=True)
    ]


def of_mean(
    values: Mapping[str, float], ses: Mapping[str, float], pair_ses: Mapping[frozenset[str], float], images: int
) -> CrossedMean:
    """The error and interval of a method's mean over seeds, over seeds and images together.

    The covariance over images of two seeds' scores follows from their standard errors and that of their difference.

    Args:
        values: the score of each seed, `LEAST_SEEDS` or more, by the run's id.
        ses: the standard error over images of each of these scores.
        pair_ses: the paired standard error over images of the difference of each two of them.
        images: number of images of the smaller set, at least 2.
    """
    count = len(values)
    total = sum(se**2 for se in ses.values())
    for first, second in combinations(values, 2):
        total += ses[first] ** 2 + ses[second] ** 2 - pair_ses[frozenset((first, second))] ** 2
    parts = [max(total, 0.0) / count**2, _variance_of_mean(list(values.values()))]
    se, mean = math.sqrt(sum(parts)), sum(values.values()) / count
    half = half_width(se, satterthwaite(parts, [images - 1, count - 1]))
    return CrossedMean(se, mean - half, mean + half)


def _mean_left_out(seeds: Sequence[RowSums]) -> tuple[Tensor, Tensor]:
    """The mean KID over seeds without each source, and without each reference."""
    from ugbench.metrics import _kernel

    fakes, reals = zip(*(_kernel.left_out(sums) for sums in seeds), strict=True)
    return sum(fakes[1:], fakes[0]) / len(fakes), sum(reals[1:], reals[0]) / len(reals)


def _variance_of_mean(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)
