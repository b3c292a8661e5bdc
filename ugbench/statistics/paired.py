"""The difference of the KIDs of two methods on the same sources and references, with its standard error.

Both outputs of a source resemble that source, and both KIDs use the same references. So most of the uncertainty is
common to both KIDs and cancels in the difference. A delete-one jackknife that drops source i from both methods, and
reference j from both, takes this into account; the sum of two separate variances does not. The interval is recovered
from both KIDs' intervals with the correlation that this jackknife finds, see `ugbench.statistics.recovery`. The usual
value -+ t * se covers only 83 to 85 % where one method is perfect and the other leaves 10 % of its outputs untouched.
"""

from __future__ import annotations

import math

from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import _features, _kernel
from ugbench.statistics.recovery import Difference, SelfKernels, with_intervals

# Images per set. With fewer the interval can cover less than 93 % if only few sources distinguish the methods.
MIN_FOR_INTERVAL = 70


def paired(first: Tensor, second: Tensor, real: Tensor) -> Difference:
    """The difference with its paired jackknife error, computed exactly from row sums, and its intervals.

    Args:
        first, second: features (n, d) of two methods' outputs; row i of both is made from source i. n >= 3.
        real: features (m, d) of the references, m >= 3.
    Raises:
        UsageError: too few images, features of two extractors, or unequal numbers of outputs.
        UgbenchError: a feature is NaN or Inf.
    """
    first, second, real = checked_pairs(first, second, real)
    kernels = (_kernel.self_kernels(first), _kernel.self_kernels(second), _kernel.self_kernels(real))
    return paired_from(_kernel.row_sums(first, real), _kernel.row_sums(second, real), kernels)


def paired_from(first: _kernel.RowSums, second: _kernel.RowSums, self_kernels: SelfKernels | None = None) -> Difference:
    """`paired` from each method's row sums against the same references; without intervals if `self_kernels` is None."""
    variance = paired_variance(first, second)
    if self_kernels is None:
        return Difference(_kernel.unbiased(first) - _kernel.unbiased(second), float(variance.sqrt()))
    return with_intervals(first, second, self_kernels, variance, MIN_FOR_INTERVAL)


def paired_variance(first: _kernel.RowSums, second: _kernel.RowSums) -> Tensor:
    """The paired jackknife's variance of the difference, () or (b,)."""
    (first_fake, first_real), (second_fake, second_real) = _kernel.left_out(first), _kernel.left_out(second)
    return _kernel.variance_of(first_fake - second_fake, first_real - second_real)


def unpaired(first: Tensor, second: Tensor, real: Tensor) -> Difference:
    """The difference with the standard error for two independent KIDs, without an interval; for comparison only.

    The arguments and errors are those of `paired`.
    """
    first, second, real = checked_pairs(first, second, real)
    return unpaired_from(_kernel.row_sums(first, real), _kernel.row_sums(second, real))


def unpaired_from(first: _kernel.RowSums, second: _kernel.RowSums) -> Difference:
    """`unpaired` from each method's row sums."""
    variance = sum(float(_kernel.variance_of(*_kernel.left_out(sums))) for sums in (first, second))
    return Difference(_kernel.unbiased(first) - _kernel.unbiased(second), math.sqrt(variance))


def checked_pairs(first: Tensor, second: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The three sets in one floating dtype. Raises the errors of `paired`."""
    if len(first) != len(second):
        raise UsageError(
            f"a paired difference: {len(first)} and {len(second)} outputs were given; "
            "give one output of each method for each source, in the same order."
        )
    first, real = _features.checked("a paired difference", first, real, least=3)
    second, real = _features.checked("a paired difference", second, real, least=3)
    return first.to(second.dtype), second, real
