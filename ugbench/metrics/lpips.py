"""LPIPS from source to output: how much of the source's look is kept (Zhang et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ugbench.data.images import to_float
from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics._intervals import mean_score


def compute(
    source: Tensor, output: Tensor, distance: Callable[[Tensor, Tensor], Tensor], batch_size: int = 16
) -> Score:
    """Mean distance over pairs, each image at its own size.

    Neither small nor large is good: an untouched source has 0.

    Args:
        source, output: uint8 (n, 3, h, w), n >= 1, pair by pair.
        distance: two float batches in [-1, 1] to (n,) distances; see `ugbench.scoring.perceptual`.
        batch_size: pairs at a time.
    Raises:
        UsageError: sources and outputs differ in number or size, or there are none.
    """
    if source.shape != output.shape or len(source) == 0:
        raise UsageError(
            f"lpips: sources {tuple(source.shape)} and outputs {tuple(output.shape)} are no pairs; "
            "give one output of the same size for each source."
        )
    values = [
        distance(to_float(before), to_float(after)).cpu()
        for before, after in zip(torch.split(source, batch_size), torch.split(output, batch_size), strict=True)
    ]
    return mean_score(torch.cat(values))


METRIC = Metric(title="LPIPS", compute=compute, needs="perceptual", higher_is_better=None)
