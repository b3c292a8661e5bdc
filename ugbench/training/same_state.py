"""Checks that all ranks train the same run, and hold the same networks: whatever a step changes must be computed from
the whole batch.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ugbench.errors import UgbenchError, UsageError
from ugbench.method import Method
from ugbench.nn.across_ranks import Ranks
from ugbench.training.ranks import agreed, said_once

TOLERANCE = 1e-6
"""Largest relative difference of sums over a tensor: GPUs of several kinds need not round alike."""


def check_same_run(ranks: Ranks, path: Path, run_id: str, step: int) -> None:
    """Check that all ranks have opened the same run, at the same step.

    Raises:
        UsageError: they have not, because they see other images or another results folder.
        RankError: the same, on other ranks than the first.
    """
    number = int(run_id, 16)
    most_id, least_id, most_step, least_step = agreed(ranks, (number, -number, step, -step))
    if most_id == -least_id and most_step == -least_step:
        return
    seen = f"steps from {-least_step} to {most_step}" if most_id == -least_id else "other images or options"
    raise said_once(
        ranks,
        UsageError(
            f"{path}: the {ranks.count} processes that train it together find {seen} there; give all machines the same "
            "command, the same data and one results folder that all of them see."
        ),
    )


def check_same_state(ranks: Ranks, method: Method) -> None:
    """Check that the parameters and buffers of a method are the same on all ranks.

    Raises:
        UgbenchError: a tensor differs, because the method computes it from the images of each rank alone.
        RankError: the same, on other ranks than the first.
    """
    if ranks.count == 1:
        return
    state = method.state_dict()
    # NaN counts as no difference: a step that is not finite leaves it.
    sums_here = torch.stack([number for tensor in state.values() for number in _sums(tensor)]).nan_to_num().cpu()
    sums = ranks.gathered(sums_here.unsqueeze(0)).unflatten(1, (len(state), 2))
    allowed = TOLERANCE * sums[0, :, 1]
    differs = ((sums - sums[0]).abs() > allowed.unsqueeze(1)).any(2).any(0)
    if differs.any():
        name = list(state)[int(differs.nonzero()[0])]
        raise said_once(
            ranks,
            UgbenchError(
                f"{name} has other values on each of the {ranks.count} ranks after the first steps, so the method "
                "computes it from the images of a rank alone; let the module that has it derive from "
                "ugbench.nn.across_ranks.SpansBatch and take means over its ranks, or train on one device."
            ),
        )


def _sums(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the elements and that of their absolute values, in float64."""
    values = tensor.detach().double()
    return values.sum(), values.abs().sum()
