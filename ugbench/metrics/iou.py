"""Overlap of the object in the output with the object in the truth, both read off the pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.data.dial.dataset import object_mask
from ugbench.metric import Metric, Score
from ugbench.metrics._intervals import mean_score
from ugbench.metrics._truth import same_shape


def compute(source: Tensor, output: Tensor, truth: Tensor) -> Score:  # noqa: ARG001
    """Mean over images of intersection over union of the two masks; 1 where both masks are empty.

    Args:
        source, output, truth: uint8 (n, 3, h, w); the source is not used.
    Raises:
        UsageError: shapes that do not match.
    """
    same_shape("iou", output, truth)
    found, wanted = object_mask(output).flatten(1), object_mask(truth).flatten(1)
    both, either = (found & wanted).sum(1).double(), (found | wanted).sum(1).double()
    return mean_score(torch.where(either > 0, both / either.clamp(min=1), 1.0))


METRIC = Metric(title="IoU", compute=compute, needs="truth", higher_is_better=True)
