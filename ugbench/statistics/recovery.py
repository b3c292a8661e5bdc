"""The interval of a difference of two KIDs, recovered from the intervals of both.

A KID near 0 has an interval that is not symmetric (`ugbench.metrics._kid_interval`), and so has a difference of two.
The method of variance estimates recovery (Zou and Donner, Statistics in Medicine 2008; for correlated estimates Zou,
Psychological Methods 2007) takes the distance between a value and an end of its interval as q standard errors at that
end. The lower end of the difference combines the lower end of the first KID with the upper end of the second, as the
standard errors of two correlated estimates combine, and the upper end combines the other two. The correlation comes
from jackknife variances, and so includes the references, and sources, that the two share.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ugbench.metrics import _kernel
from ugbench.metrics._kid_interval import distances_to_ends

SelfKernels = tuple[Tensor, Tensor, Tensor]
"""`_kernel.self_kernels` of the first outputs, of the second outputs, and of the references."""


@dataclass(frozen=True)
class Difference:
    """KID of the first images minus KID of the second, against the same references; raw (never x100).

    Attributes:
        se: its standard error.
        low, high: the 95 % interval; None with too few images per set.
        low_90, high_90: the 90 % interval, for tests of equivalence.
    """

    value: float
    se: float
    low: float | None = None
    high: float | None = None
    low_90: float | None = None
    high_90: float | None = None


def with_intervals(
    first: _kernel.RowSums, second: _kernel.RowSums, self_kernels: SelfKernels, variance: Tensor, least: int
) -> Difference:
    """The difference with its intervals.

    Args:
        first, second: row sums of both sets against the same references, at least 3 images per set.
        variance: of the difference, by a jackknife, ().
        least: smallest number of images per set for which there are intervals.
    """
    value, se = float(_kernel.estimate(first) - _kernel.estimate(second)), float(variance.sqrt())
    if min(map(len, self_kernels)) < least:
        return Difference(value, se)
    wide, narrow = (ends(first, second, self_kernels, variance, level) for level in (0.95, 0.9))
    return Difference(value, se, float(wide[0]), float(wide[1]), float(narrow[0]), float(narrow[1]))


def ends(
    first: _kernel.RowSums, second: _kernel.RowSums, self_kernels: SelfKernels, variance: Tensor, level: float
) -> tuple[Tensor, Tensor]:
    """The lower and upper end of the interval of this level, float64 () or (b,)."""
    of_first, of_second, of_references = self_kernels
    variances = [_kernel.variance_of(*_kernel.left_out(sums)) for sums in (first, second)]
    spread = (variances[0] * variances[1]).sqrt()
    correlation = ((variances[0] + variances[1] - variance) / (2 * spread)).nan_to_num(0, 0, 0).clamp(-1, 1)
    (first_below, first_above), (second_below, second_above) = (
        distances_to_ends(*_kernel.squared_distance(sums, own, of_references), min(len(own), len(of_references)), level)
        for sums, own in ((first, of_first), (second, of_second))
    )
    value = _kernel.estimate(first) - _kernel.estimate(second)
    low = value - _combined(first_below, second_above, correlation)
    return low, value + _combined(first_above, second_below, correlation)


def _combined(first: Tensor, second: Tensor, correlation: Tensor) -> Tensor:
    return torch.clamp(first.square() + second.square() - 2 * correlation * first * second, min=0).sqrt()
