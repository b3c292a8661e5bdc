"""What a training step takes, counted on shapes alone: no tensor is allocated and nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ugbench import registry
from ugbench.method import Batch, MethodConfig
from ugbench.training import optimization
from ugbench.training.phases import Phases


@dataclass(frozen=True)
class Counts:
    """`parameters` by network; `flops_per_step` as `ugbench bench` counts them, None where PyTorch cannot."""

    parameters: Mapping[str, int]
    flops_per_step: int | None


def count(method_name: str, config: MethodConfig) -> Counts:
    """Count the parameters of a method's networks and the FLOPs of its first training step.

    Raises:
        UnknownName: the method is not installed.
    """
    with torch.random.fork_rng(devices=[]), FakeTensorMode():
        method = registry.load_method(method_name)(config).train()
        optimizers = {
            name: replace(one, adam=_Still(one.group.parameters)) for name, one in optimization.build(method).items()
        }
        images = torch.zeros(config.batch_size, 3, config.size, config.size)
        draws = {
            name: torch.zeros((config.batch_size, *draw.shape) if draw.per == "sample" else draw.shape)
            for name, draw in method.draws().items()
        }
        phases = Phases(optimizers)
        phases.begin_step()
        with FlopCounterMode(display=False) as counter:
            method.step(Batch(images, images, draws), phases)
        return Counts(parameters_by_network(method), counter.get_total_flops() or None)


def parameters_by_network(method: torch.nn.Module) -> dict[str, int]:
    """How many parameters each child has; children without any are left out."""
    return {
        name: number
        for name, child in method.named_children()
        if (number := sum(parameter.numel() for parameter in child.parameters()))
    }


class _Still(torch.optim.Adam):
    """An Adam that updates nothing: the fused one has no shapes-only form, and would allocate all it works on."""

    def step(self, closure: Any = None) -> Any:  # noqa: ARG002
        """Leave the parameters as they are."""
        return None
