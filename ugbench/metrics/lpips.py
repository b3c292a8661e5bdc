"""LPIPS from source to output: how much of the source's look is kept (Zhang et al., CVPR 2018)."""

from __future__ import annotations

from torch import Tensor

from ugbench.metric import Metric, Score
from ugbench.metrics._pairs import mean_distance


def compute(distances: Tensor) -> Score:
    """Mean distance over pairs (n,), n >= 1, with its standard error over sources.

    Neither small nor large is good: an untouched source has 0.

    Raises:
        UsageError: there are no pairs.
    """
    return mean_distance("lpips", distances)


METRIC = Metric(title="LPIPS", compute=compute, needs="perceptual", higher_is_better=None)
