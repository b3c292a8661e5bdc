"""How much farther outputs are from the references than other real images are: KID of outputs minus KID of real images.

Both KIDs use the same references, and the outputs and the real images are independent. Each of the two KIDs has an
interval that is not symmetric near 0 (see `ugbench.metrics._kid_interval`). The interval of their difference is made
from both by the method of variance estimates recovery (Zou, Statistics in Medicine 2008): its lower end is as far from
the difference as the lower end of the first and the upper end of the second are from their values, combined like two
standard errors. The correlation of the two, by the references that they share, comes from a jackknife.
"""

from __future__ import annotations

import math

from torch import Tensor

from ugbench.metrics import _features, _kernel
from ugbench.metrics._kid_interval import kid_interval
from ugbench.statistics.paired import Difference

MIN_FOR_INTERVAL = 40  # images per set; with fewer the coverage was not simulated


def difference_to_real(outputs: Tensor, real: Tensor, references: Tensor, level: float = 0.95) -> Difference:
    """KID of `outputs` minus KID of `real`, both against `references`, with its interval.

    Args:
        outputs, real, references: features (n, d), (k, d) and (m, d), independent of one another; at least 3 images
            per set.
        level: of the interval, which is None under 40 images per set.
    Raises:
        UsageError: too few images, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    outputs, references = _features.checked("a difference to real images", outputs, references, least=3)
    real, references = _features.checked("a difference to real images", real, references, least=3)
    outputs = outputs.to(references.dtype)
    own = [_kernel.self_kernels(features) for features in (outputs, real, references)]
    of_outputs, of_real = _kernel.row_sums(outputs, references), _kernel.row_sums(real, references)
    return from_sums(of_outputs, of_real, (own[0], own[1], own[2]), level)


def from_sums(
    of_outputs: _kernel.RowSums,
    of_real: _kernel.RowSums,
    self_kernels: tuple[Tensor, Tensor, Tensor],
    level: float = 0.95,
) -> Difference:
    """`difference_to_real` from the row sums of both KIDs and `self_kernels` of outputs, real images and references."""
    output_kernels, real_kernels, reference_kernels = self_kernels
    m = len(reference_kernels)
    first, second = _kernel.unbiased(of_outputs), _kernel.unbiased(of_real)
    without_output, first_without = _kernel.left_out(of_outputs)
    without_real, second_without = _kernel.left_out(of_real)
    first_variance = float(_kernel.variance_of(without_output, first_without))
    second_variance = float(_kernel.variance_of(without_real, second_without))
    covariance = (
        (m - 1) / m * float(((first_without - first_without.mean()) * (second_without - second_without.mean())).sum())
    )
    value, se = first - second, math.sqrt(max(0.0, first_variance + second_variance - 2 * covariance))
    if min(len(output_kernels), len(real_kernels), m) < MIN_FOR_INTERVAL:
        return Difference(value, se, None, None)
    spread = math.sqrt(first_variance * second_variance)
    correlation = covariance / spread if spread else 0.0
    first_low, first_high = _interval(first, of_outputs, output_kernels, reference_kernels, level)
    second_low, second_high = _interval(second, of_real, real_kernels, reference_kernels, level)
    below = _combined(first - first_low, second_high - second, correlation)
    above = _combined(first_high - first, second - second_low, correlation)
    return Difference(value, se, value - below, value + above)


def _interval(
    value: float, sums: _kernel.RowSums, fake_kernels: Tensor, reference_kernels: Tensor, level: float
) -> tuple[float, float]:
    distance, se = _kernel.squared_distance(sums, fake_kernels, reference_kernels)
    smaller = min(len(fake_kernels), len(reference_kernels))
    return kid_interval(value, float(distance), float(se), smaller, level)


def _combined(first: float, second: float, correlation: float) -> float:
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))
