"""LPIPS from each true translation to its output: how different the two look (Zhang et al., CVPR 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score

if TYPE_CHECKING:
    from torch import Tensor


def compute(distances: Tensor) -> Score:
    """Mean distance over pairs (n,), n >= 1, with its standard error over images; 0 for the truth.

    Raises:
        UsageError: there are no pairs.
    """
    from ugbench.metrics._intervals import check_pairs, mean_of_each

    check_pairs("lpips_truth", distances)
    return mean_of_each(distances)


METRIC = Metric(title="LPIPS to truth", compute=compute, needs=("truth_lpips_distances",), higher_is_better=False)
