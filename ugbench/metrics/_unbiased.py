"""The unbiased MMD^2 of two sets of features with its error, interval and test. With the cubic kernel it is KID."""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Score
from ugbench.metrics import _kernel
from ugbench.metrics._defaults import MIN_FOR_INTERVAL
from ugbench.metrics._equality_test import equality_p_value
from ugbench.metrics._kid_interval import kid_interval

NEAR_ZERO = 5.0  # standard errors; whether two sets differ is a question only where the value is smaller


def unbiased_score(fake: Tensor, real: Tensor, kernel: _kernel.Kernel = _kernel.cubic, scale: float = 1.0) -> Score:
    """The U-statistic of all pairs of features (n, d) and (m, d), n and m >= 2, times `scale`.

    Its standard error is the delete-one jackknife over both sets; from 50 images per set on there is an interval (see
    `_kid_interval`). If the value is at most 5 standard errors, `p_value` is that of a permutation test of
    whether the two sets differ at all.

    Args:
        scale: of the value, its error and its interval.
    """
    sums = _kernel.row_sums(fake, real, kernel)
    value, se = _kernel.unbiased(sums), _kernel.jackknife_se(sums)
    each = tuple((scale * _kernel.shares(sums)).tolist())
    if se is None:
        return Score(scale * value, each=each)
    low, high = _interval(value, sums, fake, real, kernel)
    if low is not None and high is not None:
        low, high = scale * low, scale * high
    p_value = equality_p_value(fake, real, sums, kernel=kernel) if value <= NEAR_ZERO * se else None
    return Score(scale * value, scale * se, low, high, p_value=p_value, each=each)


def _interval(
    value: float, sums: _kernel.RowSums, fake: Tensor, real: Tensor, kernel: _kernel.Kernel
) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval, before scaling; (None, None) if a set has fewer than 50 images."""
    smaller = min(len(fake), len(real))
    if smaller < MIN_FOR_INTERVAL:
        return None, None
    self_kernels = (_kernel.self_kernels(features, kernel) for features in (fake, real))
    distance, se = _kernel.squared_distance(sums, *self_kernels)
    return kid_interval(value, float(distance), float(se), smaller)
