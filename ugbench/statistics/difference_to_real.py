"""How much farther outputs are from the references than other real images are: KID of outputs minus KID of real images.

Both KIDs use the same references, and the outputs and the real images are independent of one another. So the jackknife
leaves out each output, each real image, and each reference of both KIDs.
"""

from __future__ import annotations

from torch import Tensor

from ugbench.metrics import _features, _kernel
from ugbench.statistics.recovery import Difference, with_intervals

MIN_FOR_INTERVAL = 40  # images per set; with fewer the coverage was not simulated


def difference_to_real(outputs: Tensor, real: Tensor, references: Tensor) -> Difference:
    """KID of `outputs` minus KID of `real`, both against `references`, with its intervals from 40 images per set on.

    Args:
        outputs, real, references: features (n, d), (k, d) and (m, d), independent of one another; at least 3 images
            per set.
    Raises:
        UsageError: too few images, or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    outputs, references = _features.checked("a difference to real images", outputs, references, least=3)
    real, references = _features.checked("a difference to real images", real, references, least=3)
    outputs = outputs.to(references.dtype)
    first, second = _kernel.row_sums(outputs, references), _kernel.row_sums(real, references)
    kernels = (_kernel.self_kernels(outputs), _kernel.self_kernels(real), _kernel.self_kernels(references))
    return with_intervals(first, second, kernels, variance_to_real(first, second), MIN_FOR_INTERVAL)


def variance_to_real(of_outputs: _kernel.RowSums, of_real: _kernel.RowSums) -> Tensor:
    """The jackknife's variance of the difference, () or (b,)."""
    without_output, first_without = _kernel.left_out(of_outputs)
    without_real, second_without = _kernel.left_out(of_real)
    independent = _kernel.variance_of(without_output, without_real)
    return independent + _kernel.jackknife_variance(first_without - second_without)
