"""Damage where nothing should change: mean absolute error outside the pixels that should change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import CHANGE_THRESHOLD

if TYPE_CHECKING:
    from torch import Tensor


def compute(source: Tensor, output: Tensor, truth: Tensor, threshold: int = CHANGE_THRESHOLD) -> Score:
    """Mean of |output - truth| over the pixels that should stay, of all images and channels; image values from 0 to 1.

    Each pixel has the same weight, not each image: an image in which few pixels should stay counts little.

    Args:
        source, output, truth: uint8 (n, 3, h, w).
        threshold: a pixel should stay where source and truth differ by at most this many levels of 255 in each channel.
    Raises:
        UsageError: the shapes do not match, or no pixel should stay.
    """
    from ugbench.metrics import _truth
    from ugbench.metrics._intervals import ratio_score

    errors = _truth.errors("unchanged", source, output, truth, threshold)
    if not errors.unchanged_values.any():
        raise UsageError(
            f"unchanged: every pixel of the truth differs from its source by more than {threshold} levels; "
            "leave this metric out for this data set."
        )
    return ratio_score(errors.unchanged, errors.unchanged_values)


METRIC = Metric(
    title="Unchanged",
    compute=compute,
    needs=("source_tensor", "output_tensor", "truth_tensor"),
    higher_is_better=False,
    dial_only=True,
    settings={"threshold": CHANGE_THRESHOLD},
)
