"""Overlap of the object in the output with the object in the truth; both masks are computed from the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugbench.metric import Metric, Score

if TYPE_CHECKING:
    from torch import Tensor


def compute(output: Tensor, truth: Tensor) -> Score:
    """Mean over images of intersection over union of the two masks, from 0 to 1; 1 where both masks are empty.

    Args:
        output, truth: uint8 (n, 3, h, w).
    Raises:
        UsageError: the shapes do not match.
    """
    import torch

    from ugbench.data.dial.dataset import object_mask
    from ugbench.metrics._intervals import mean_score
    from ugbench.metrics._truth import same_shape

    same_shape("iou", output, truth)
    output_mask, true_mask = object_mask(output).flatten(1), object_mask(truth).flatten(1)
    intersection, union = (output_mask & true_mask).sum(1).double(), (output_mask | true_mask).sum(1).double()
    return mean_score(torch.where(union > 0, intersection / union.clamp(min=1), 1.0))


METRIC = Metric(
    title="IoU", compute=compute, needs=("output_tensor", "truth_tensor"), higher_is_better=True, dial_only=True
)
