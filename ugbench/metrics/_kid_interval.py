"""The interval of KID, with a standard error that depends on the true value.

KID is the squared distance of the two sets' means in the space of the kernel, and the error of a squared distance grows
with it. So a sample whose value is too small also has a standard error that is too small, and an interval of a fixed
number of these errors misses the truth too often, always from below: it covers 87 to 93 % where 10 % of the outputs are
untouched and the others are perfect (docs/statistics.md).

This interval holds the values that a test does not reject; the test uses the standard error at the tested value, as in
Wilson's interval of a proportion (Journal of the American Statistical Association 1927). Let T be the unbiased
estimate, V the squared distance that was measured (the biased estimate), and s its standard error. V - T estimates the
noise in V. If KID were u, the expected squared distance would be V(u) = u + V - T. Its variance is taken to be
proportional to it: s^2 at V, and s^2 V(u) / V at V(u). So the interval is

    (V - V(u))^2 <= q^2 s^2 V(u) / V,

and its ends are the roots of a quadratic equation. Where s is small against V they are T -+ q s.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.metrics._intervals import student_quantile


def kid_interval(
    value: float, distance: float, distance_se: float, smaller: int, level: float = 0.95
) -> tuple[float, float]:
    """The interval of KID, raw. It is not symmetric: the upper end is farther from the value than the lower one.

    Args:
        value: the unbiased estimate; it can be below 0, and so can the lower end.
        distance, distance_se: the measured squared distance and its standard error, from `_kernel.squared_distance`.
        smaller: images of the smaller set, at least 2; q is Student's quantile with one degree of freedom less.
        level: the coverage that is aimed at.
    """
    squared, se = torch.tensor(distance, dtype=torch.float64), torch.tensor(distance_se, dtype=torch.float64)
    below, above = distances_to_ends(squared, se, smaller, level)
    return value - float(below), value + float(above)


def distances_to_ends(distance: Tensor, distance_se: Tensor, smaller: int, level: float) -> tuple[Tensor, Tensor]:
    """How far the lower and the upper end are from the value, float64 () or (b,); the arguments are `kid_interval`'s.

    Both are 0 where the squared distance or its error is 0.
    """
    half_at_distance = student_quantile(smaller, level) * distance_se
    shift = (half_at_distance.square() / (2 * distance)).nan_to_num(0, 0, 0)
    half = torch.where(distance > 0, torch.hypot(shift, half_at_distance), 0.0)
    return half - shift, half + shift
