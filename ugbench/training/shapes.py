"""Trains a method on shapes alone: no tensor is allocated and nothing is computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ugbench import registry
from ugbench.device import Precision
from ugbench.method import Batch, Method, MethodConfig
from ugbench.nn.factored_linear import FactoredGradient
from ugbench.training.activations import checkpoint_activations
from ugbench.training.layout import use_channels_last
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import GroupOptimizer, build_optimizers
from ugbench.training.step import Phases, train_step


@contextmanager
def on_shapes(
    name: str, config: MethodConfig, precision: Precision = "fp32", device: str = "cpu"
) -> Iterator[tuple[Method, dict[str, GroupOptimizer]]]:
    """A method and optimizers that update nothing; within the `with` block all tensors have shapes and no memory.

    Args:
        name: the method's registered name.
        device: of the networks; "cuda" needs no GPU, but there only forward passes can be done on shapes.
    Raises:
        UnknownName: the method is not installed.
        UsageError: see `checkpoint_activations`.
        UgbenchError: see `build_optimizers`.
    """
    if config.steps is None:  # as in imported runs; schedules need the number of steps, shapes do not
        config = config.model_copy(update={"steps": 1})
    # Built on the meta device, because a method may copy a network there (copy.deepcopy), unlike fake tensors.
    with torch.device("meta"):
        method = registry.load_method(name)(config).train()
        if device == "cuda":
            use_channels_last(method)  # as `move_to` does there, which fake tensors cannot
    with torch.random.fork_rng(devices=[]), FakeTensorMode(allow_non_fake_inputs=True):
        method.to_empty(device=device)
        checkpoint_activations(method)
        run_networks_in(method, precision, torch.device(device))
        optimizers = {
            group: replace(optimizer, optimizer=_NoUpdate(optimizer.group.parameters))
            for group, optimizer in build_optimizers(method).items()
        }
        yield method, optimizers


def train_on_shapes(method: Method, optimizers: Mapping[str, GroupOptimizer]) -> Phases:
    """The training steps of one period of what `on_shapes` gave; returns their phases.

    Raises:
        UgbenchError: a step breaks a rule of `ugbench.method.Phase`.
    """
    phases = Phases(optimizers, method.period)
    for step in range(method.period):
        train_step(method, phases, batch_of_shapes(method, step))
    return phases


def batch_of_shapes(method: Method, step: int, device: str = "cpu") -> Batch:
    """A batch of a method, for use within `on_shapes`."""
    size = method.config.batch_size
    images = torch.zeros(size, 3, *method.config.image_shape, device=device)
    draws = {name: torch.zeros(draw.shape_for(size), device=device) for name, draw in method.draws().items()}
    return Batch(images, images, draws, step, dict.fromkeys(method.splits, images))


class _NoUpdate(torch.optim.Optimizer):
    """An optimizer that updates nothing, because those of torch cannot all run on shapes alone."""

    factored: Mapping[nn.Parameter, FactoredGradient] = MappingProxyType({})

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": torch.tensor(0.0)})

    def step(self, closure: Any = None) -> Any:  # noqa: ARG002
        """Leave the parameters as they are; only form the gradients that are in factors, so that FLOPs are counted."""
        for gradient in self.factored.values():
            gradient.dense()
