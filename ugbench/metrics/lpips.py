"""LPIPS from each source to its output: how much the look of the source has changed (Zhang et al., CVPR 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score

if TYPE_CHECKING:
    from torch import Tensor


def compute(distances: Tensor) -> Score:
    """Mean distance over pairs (n,), n >= 1, with its standard error over sources.

    Neither a small nor a large value is good: an untouched source has 0.

    Raises:
        UsageError: there are no pairs.
    """
    from ugbench.metrics._intervals import mean_distance

    return mean_distance("lpips", distances)


METRIC = Metric(title="LPIPS", compute=compute, needs=("lpips_distances",), higher_is_better=None)
