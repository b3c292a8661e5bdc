"""How much of the required change is missing: 1 for a translator that does nothing, 0 for the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import CHANGE_THRESHOLD

if TYPE_CHECKING:
    from torch import Tensor


def compute(source: Tensor, output: Tensor, truth: Tensor, threshold: int = CHANGE_THRESHOLD) -> Score:
    """Absolute error over the pixels that should change, divided by the untouched source's error there; at least 0.

    It is a ratio of sums over all images, so that images in which little should change count little. Where most pixels
    should stay, the plain L1 error of an untouched source is small.

    Args:
        source, output, truth: uint8 (n, 3, h, w).
        threshold: a pixel should change where source and truth differ by more levels of 255 in any channel.
    Raises:
        UsageError: the shapes do not match, or no pixel should change.
    """
    from ugbench.metrics import _truth
    from ugbench.metrics._intervals import ratio_score

    errors = _truth.errors("changed", source, output, truth, threshold)
    if not errors.untouched.any():
        raise UsageError(
            f"changed: no pixel of the truth differs from its source by more than {threshold} levels, so "
            "there is nothing to divide by; leave this metric out for this data set."
        )
    return ratio_score(errors.changed, errors.untouched)


def each(source: Tensor, output: Tensor, truth: Tensor, threshold: int = CHANGE_THRESHOLD) -> Tensor:
    """The same ratio for each image alone, float64 (n,); NaN where nothing should change. Arguments as `compute`."""
    from ugbench.metrics import _truth

    errors = _truth.errors("changed", source, output, truth, threshold)
    return errors.changed / errors.untouched.where(errors.untouched > 0, math.nan)


METRIC = Metric(
    title="Changed",
    compute=compute,
    needs=("source_tensor", "output_tensor", "truth_tensor"),
    higher_is_better=False,
    changed_pixels_only=True,
    dial_only=True,
    settings={"threshold": CHANGE_THRESHOLD},
)
