"""The parameters of a method and the FLOPs of one training step, as a method description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ugbench import registry
from ugbench.device import Precision
from ugbench.method import Batch, Method, MethodConfig
from ugbench.runs.method_description import MethodDescription
from ugbench.training.step import GroupOptimizer, Phases, build_optimizers, train_step


def describe_method(name: str, method: Method, flops_per_step: int) -> MethodDescription:
    """The description of a method for method.json.

    Args:
        name: the method's registered name, which is its title if the class has none.
        flops_per_step: the FLOPs of one training step; 0 means that PyTorch could not count them.
    """
    return MethodDescription(
        title=method.title or name,
        directions=method.directions,
        parameters=parameters_by_network(method),
        flops_per_step=flops_per_step or None,
        style_dim=method.style_dim,
    )


def count(name: str, config: MethodConfig) -> MethodDescription:
    """Count the parameters and the FLOPs of a training step from shapes: allocates no tensor and computes nothing.

    Args:
        name: the method's registered name.
    Raises:
        UnknownName: the method is not installed.
    """
    with on_shapes():
        method, optimizers = build_on_shapes(name, config)
        with FlopCounterMode(display=False) as counter:
            step_on_shapes(method, optimizers, "fp32")
        return describe_method(name, method, counter.get_total_flops())


@contextmanager
def on_shapes() -> Iterator[None]:
    """In the block tensors have shapes and no memory, and torch's random state is restored afterwards."""
    with torch.random.fork_rng(devices=[]), FakeTensorMode():
        yield


def build_on_shapes(name: str, config: MethodConfig) -> tuple[Method, dict[str, GroupOptimizer]]:
    """A method and optimizers that update nothing, in a block of `on_shapes`.

    Raises:
        UnknownName: the method is not installed.
    """
    if config.steps is None:  # as in imported runs; schedules need the number of steps, shapes do not
        config = config.model_copy(update={"steps": 1})
    method = registry.load_method(name)(config).train()
    optimizers = {
        group: replace(optimizer, adam=_NoUpdate(optimizer.group.parameters, lr=torch.tensor(0.0)))
        for group, optimizer in build_optimizers(method).items()
    }
    return method, optimizers


def step_on_shapes(method: Method, optimizers: Mapping[str, GroupOptimizer], precision: Precision) -> None:
    """One training step of what `build_on_shapes` made."""
    config = method.config
    images = torch.zeros(config.batch_size, 3, config.size, config.size)
    draws = {
        draw_name: torch.zeros((config.batch_size, *draw.shape) if draw.per == "sample" else draw.shape)
        for draw_name, draw in method.draws().items()
    }
    train_step(method, Phases(optimizers), Batch(images, images, draws), precision)


def parameters_by_network(method: torch.nn.Module) -> dict[str, int]:
    """The number of parameters of each child module; children without parameters are left out."""
    return {
        name: number
        for name, child in method.named_children()
        if (number := sum(parameter.numel() for parameter in child.parameters()))
    }


class _NoUpdate(torch.optim.Adam):
    """An Adam that updates nothing, because fused Adam cannot run on shapes alone."""

    def step(self, closure: Any = None) -> Any:  # noqa: ARG002
        """Leave the parameters as they are."""
        return None
