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
from ugbench.runs import method_description
from ugbench.runs.method_description import MethodDescription
from ugbench.runs.run import Run
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import GroupOptimizer, build_optimizers
from ugbench.training.step import Phases, train_step


def describe_method(name: str, method: Method, flops_per_step: int) -> MethodDescription:
    """The description of a method for method.json.

    Args:
        name: the method's registered name, which is its title if the class has none.
        flops_per_step: the FLOPs of one training step, the mean over a period; 0 means that PyTorch could not count
            them.
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
            train_on_shapes(method, optimizers)
        return describe_method(name, method, round(counter.get_total_flops() / method.period))


class DescriptionWriter:
    """Counts the FLOPs of the first steps of a run, those of one period, and writes method.json."""

    def __init__(self, run: Run, method: Method) -> None:
        self._run, self._method, self._steps, self._flops = run, method, 0, 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the FLOPs of one step."""
        with FlopCounterMode(display=False) as counter:
            yield
        self._steps, self._flops = self._steps + 1, self._flops + counter.get_total_flops()

    def write_when_counted(self) -> bool:
        """Write method.json after a period; False if there are more steps to count."""
        if self._steps < self._method.period:
            return False
        flops = round(self._flops / self._steps)
        method_description.write(self._run, describe_method(self._run.config.method, self._method, flops))
        return True


@contextmanager
def on_shapes() -> Iterator[None]:
    """In the block tensors have shapes and no memory, and torch's random state is restored afterwards."""
    with torch.random.fork_rng(devices=[]), FakeTensorMode():
        yield


def build_on_shapes(
    name: str, config: MethodConfig, precision: Precision = "fp32"
) -> tuple[Method, dict[str, GroupOptimizer]]:
    """A method and optimizers that update nothing, in a block of `on_shapes`.

    Raises:
        UnknownName: the method is not installed.
        UgbenchError: see `build_optimizers`.
    """
    if config.steps is None:  # as in imported runs; schedules need the number of steps, shapes do not
        config = config.model_copy(update={"steps": 1})
    method = registry.load_method(name)(config).train()
    run_networks_in(method, precision, torch.device("cpu"))
    optimizers = {
        group: replace(optimizer, optimizer=_NoUpdate(optimizer.group.parameters))
        for group, optimizer in build_optimizers(method).items()
    }
    return method, optimizers


def train_on_shapes(method: Method, optimizers: Mapping[str, GroupOptimizer]) -> Phases:
    """The training steps of one period of what `build_on_shapes` made; returns their phases.

    Raises:
        UgbenchError: a step breaks a rule of `ugbench.method.Phase`.
    """
    config = method.config
    images = torch.zeros(config.batch_size, 3, config.size, config.size)
    draws = {
        draw_name: torch.zeros((config.batch_size, *draw.shape) if draw.per == "sample" else draw.shape)
        for draw_name, draw in method.draws().items()
    }
    phases = Phases(optimizers, method.period)
    for step in range(method.period):
        train_step(method, phases, Batch(images, images, draws, step, dict.fromkeys(method.splits, images)))
    return phases


def parameters_by_network(method: torch.nn.Module) -> dict[str, int]:
    """The number of parameters of each child module; children without parameters are left out."""
    return {
        name: number
        for name, child in method.named_children()
        if (number := sum(parameter.numel() for parameter in child.parameters()))
    }


class _NoUpdate(torch.optim.Optimizer):
    """An optimizer that updates nothing, because those of torch cannot all run on shapes alone."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": torch.tensor(0.0)})

    def step(self, closure: Any = None) -> Any:  # noqa: ARG002
        """Leave the parameters as they are."""
        return None
