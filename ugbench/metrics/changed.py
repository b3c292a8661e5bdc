"""How much of the change that was due is missing: 1 for doing nothing, 0 for the truth."""

from __future__ import annotations

import math

from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics import _truth
from ugbench.metrics._intervals import ratio_score


def compute(source: Tensor, output: Tensor, truth: Tensor, threshold: int = _truth.THRESHOLD) -> Score:
    """Absolute error over the pixels that should change, divided by the untouched source's error there.

    A ratio of sums over all images, so that images in which little should change count little. Plain L1 would
    flatter an output that does nothing wherever most pixels stay.

    Args:
        source, output, truth: uint8 (n, 3, h, w).
        threshold: levels of 255 by which a channel must differ between source and truth.
    Raises:
        UsageError: shapes that do not match, or no pixel that should change.
    """
    found = _truth.errors("changed", source, output, truth, threshold)
    if not found.untouched.any():
        raise UsageError(
            f"changed: no pixel of the truth differs from its source by more than {threshold} levels, so "
            "there is nothing to divide by; leave this metric out for this data set."
        )
    return ratio_score(found.changed, found.untouched)


def each(source: Tensor, output: Tensor, truth: Tensor, threshold: int = _truth.THRESHOLD) -> Tensor:
    """The same ratio for each image alone, (n,) float64; NaN where nothing should change. Arguments as `compute`."""
    found = _truth.errors("changed", source, output, truth, threshold)
    return found.changed / found.untouched.where(found.untouched > 0, math.nan)


METRIC = Metric(
    title="Changed",
    compute=compute,
    needs="truth",
    higher_is_better=False,
    of_change=True,
    settings={"threshold": _truth.THRESHOLD},
)
