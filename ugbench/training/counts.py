"""The parameters of a method and the FLOPs of one training step, as a method description."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ugbench.method import Method, MethodConfig
from ugbench.runs import method_description
from ugbench.runs.method_description import MethodDescription
from ugbench.runs.run import Run
from ugbench.training.flops import flop_counter
from ugbench.training.shapes import on_shapes, train_on_shapes


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
        period=method.period,
    )


def count_run(run: Run) -> MethodDescription:
    """Count the parameters and the FLOPs of the method of a run that has stored none, see `count`."""
    return count(run.config.method, run.config.method_config())


def count(name: str, config: MethodConfig) -> MethodDescription:
    """Count the parameters and the FLOPs of a training step from shapes: allocates no tensor and computes nothing.

    Args:
        name: the method's registered name.
    Raises:
        UnknownName: the method is not installed.
        UsageError, UgbenchError: see `on_shapes` and `train_on_shapes`.
    """
    with on_shapes(name, config) as (method, optimizers):
        with flop_counter() as counter:
            train_on_shapes(method, optimizers)
        return describe_method(name, method, round(counter.get_total_flops() / method.period))


class DescriptionWriter:
    """Counts the FLOPs of the first steps of a run, those of one period, and writes method.json."""

    def __init__(self, run: Run, method: Method) -> None:
        self._run, self._method, self._steps, self._flops = run, method, 0, 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the FLOPs of one step."""
        with flop_counter() as counter:
            yield
        self._steps, self._flops = self._steps + 1, self._flops + counter.get_total_flops()

    def write_when_counted(self) -> bool:
        """Write method.json after a period; False if there are more steps to count."""
        if self._steps < self._method.period:
            return False
        flops = round(self._flops / self._steps)
        method_description.write(self._run, describe_method(self._run.config.method, self._method, flops))
        return True


def parameters_by_network(method: torch.nn.Module) -> dict[str, int]:
    """The number of parameters of each child module; children without parameters are left out."""
    return {
        name: number
        for name, child in method.named_children()
        if (number := sum(parameter.numel() for parameter in child.parameters()))
    }
