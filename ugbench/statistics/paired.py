"""The difference of the KIDs of two methods on the same sources and references, with its standard error.

Both outputs of a source resemble that source, and both KIDs use the same references. So most of the uncertainty is
common to both KIDs and cancels in the difference. A delete-one jackknife that drops source i from both methods, and
reference j from both, takes this into account; the sum of two separate variances does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import _features, _kernel
from ugbench.metrics._intervals import student_interval

# Images per set. With fewer the interval can cover less than 93 % if only few sources distinguish the methods.
MIN_FOR_INTERVAL = 70


@dataclass(frozen=True)
class Difference:
    """KID of the first outputs minus KID of the second, raw (never x100).

    Attributes:
        se: its standard error over sources and references.
        low, high: Student's 95 % interval with the smaller set's degrees of freedom; None under 70 images per set.
    """

    value: float
    se: float
    low: float | None
    high: float | None


def paired(first: Tensor, second: Tensor, real: Tensor) -> Difference:
    """The difference with its paired jackknife error, computed exactly from row sums.

    Args:
        first, second: features (n, d) of two methods' outputs; row i of both is made from source i. n >= 3.
        real: features (m, d) of the references, m >= 3.
    Raises:
        UsageError: too few images, features of two extractors, or unequal numbers of outputs.
        UgbenchError: a feature is NaN or Inf.
    """
    first, second, real = checked_pairs(first, second, real)
    return paired_from(_kernel.row_sums(first, real), _kernel.row_sums(second, real))


def paired_from(first: _kernel.RowSums, second: _kernel.RowSums) -> Difference:
    """`paired` from each method's row sums against the same references."""
    (first_fake, first_real), (second_fake, second_real) = _kernel.left_out(first), _kernel.left_out(second)
    variance = _kernel.variance_of(first_fake - second_fake, first_real - second_real)
    return _with_interval(first, second, math.sqrt(variance))


def unpaired(first: Tensor, second: Tensor, real: Tensor) -> Difference:
    """The difference with the standard error for two independent KIDs; for comparison only.

    The arguments and errors are those of `paired`.
    """
    first, second, real = checked_pairs(first, second, real)
    return unpaired_from(_kernel.row_sums(first, real), _kernel.row_sums(second, real))


def unpaired_from(first: _kernel.RowSums, second: _kernel.RowSums) -> Difference:
    """`unpaired` from each method's row sums."""
    variance = sum(float(_kernel.variance_of(*_kernel.left_out(sums))) for sums in (first, second))
    return _with_interval(first, second, math.sqrt(variance))


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


def _with_interval(first: _kernel.RowSums, second: _kernel.RowSums, se: float) -> Difference:
    value = _kernel.unbiased(first) - _kernel.unbiased(second)
    smaller = min(len(first.fake), len(first.real))
    low, high = student_interval(value, se, smaller) if smaller >= MIN_FOR_INTERVAL else (None, None)
    return Difference(value, se, low, high)
