"""What was harmed that should have stayed: mean absolute error outside the pixels that should change."""

from __future__ import annotations

from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics import _truth
from ugbench.metrics._intervals import ratio_score


def compute(source: Tensor, output: Tensor, truth: Tensor, threshold: int = _truth.THRESHOLD) -> Score:
    """Mean of |output - truth| over those pixels of all images and their channels; image values from 0 to 1.

    Pixels weigh alike, not images: one in which hardly a pixel should stay counts little.

    Args:
        source, output, truth: uint8 (n, 3, h, w).
        threshold: levels of 255 up to which every channel of source and truth agree.
    Raises:
        UsageError: shapes that do not match, or no pixel that should stay.
    """
    found = _truth.errors("unchanged", source, output, truth, threshold)
    if not found.kept.any():
        raise UsageError(
            f"unchanged: every pixel of the truth differs from its source by more than {threshold} levels; "
            "leave this metric out for this data set."
        )
    return ratio_score(found.unchanged, found.kept)


METRIC = Metric(
    title="Unchanged",
    compute=compute,
    needs="truth",
    higher_is_better=False,
    settings={"threshold": _truth.THRESHOLD},
)
