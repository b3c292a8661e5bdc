"""Mean absolute error of outputs against their true translations, with image values from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score

if TYPE_CHECKING:
    from torch import Tensor


def compute(output: Tensor, truth: Tensor) -> Score:
    """Mean over images of the mean of |output - truth| over pixels, red, green and blue; 0 for the truth, at most 1.

    Args:
        output, truth: uint8 (n, 3, h, w). Their values are divided by 255 first.
    Raises:
        UsageError: the shapes do not match.
    """
    from ugbench.metrics._intervals import mean_of_each
    from ugbench.metrics._truth import each_compared

    return mean_of_each(each_compared("l1_truth", output, truth, lambda x, y: (x - y).abs().flatten(1).mean(1) / 255))


METRIC = Metric(title="L1 to truth", compute=compute, needs=("output_tensor", "truth_tensor"), higher_is_better=False)
