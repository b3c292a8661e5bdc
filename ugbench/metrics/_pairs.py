"""The mean distance from each source to its output, which LPIPS and the DINO structure distance share."""

from __future__ import annotations

from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metric import Score
from ugbench.metrics._intervals import mean_score


def mean_distance(metric: str, distances: Tensor) -> Score:
    """The mean over pairs with its standard error over sources.

    Args:
        metric: name of the metric, for the error message.
        distances: float (n,), one for each pair of source and output.
    Raises:
        UsageError: there are no pairs.
    """
    if len(distances) == 0:
        raise UsageError(f"{metric}: there are no pairs of source and output; give one output at least.")
    return mean_score(distances)
