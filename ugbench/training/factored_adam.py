"""Adam's update of a weight whose gradient is in factors: the gradient is formed one block of rows after another."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from ugbench.nn.factored_linear import FactoredGradient

BLOCK = 1 << 24
"""Elements of a block, 64 MB in float32. Smaller blocks cost more calls than they save memory."""


@torch.no_grad()
def update_by_blocks(
    weight: Tensor,
    gradient: FactoredGradient,
    state: MutableMapping[str, Tensor],
    settings: Mapping[str, Any],
    found_inf: Tensor,
) -> None:
    """Update a weight (out, in) and its state as fused Adam does with the whole gradient, unless `found_inf` is 1.

    Args:
        state: the state of torch's Adam for this weight; it is made if it is empty.
        settings: of the optimizer, as in its `param_groups`.
    """
    if not state:
        state["step"] = torch.zeros((), device=weight.device)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
    rows = max(1, BLOCK // weight.shape[1])
    buffer = torch.empty_like(weight[:rows])
    steps_done = state["step"].clone()
    for first in range(0, len(weight), rows):
        block = slice(first, min(first + rows, len(weight)))
        state["step"].copy_(steps_done)  # each call counts a step
        adam(
            [weight[block]],
            [gradient.rows(block, out=buffer[: block.stop - first])],
            [state["exp_avg"][block]],
            [state["exp_avg_sq"][block]],
            [],
            [state["step"]],
            fused=True,
            found_inf=found_inf,
            decoupled_weight_decay=settings["decoupled_weight_decay"],
            amsgrad=False,
            beta1=settings["betas"][0],
            beta2=settings["betas"][1],
            lr=settings["lr"],
            weight_decay=settings["weight_decay"],
            eps=settings["eps"],
            maximize=False,
        )
