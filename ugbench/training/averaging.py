"""The moving average over the steps of the networks that translate: the config field `ema`.

The weights fluctuate from batch to batch, and their average is often the better translator (Yazıcı et al., "The Unusual
Effectiveness of Averaging in GAN Training", ICLR 2019). The networks train as without it. Sample grids,
generators.safetensors, translation, scores and exports use the average; a checkpoint has both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ugbench.method import Method


class MovingAverage:
    """The average of the parameters of a method's networks for translation. Their buffers are those of the last step.

    Args:
        decay: the share of the average that stays after a step, from 0 to below 1. In the first steps it is less,
            (1 + n) / (10 + n) after n steps, so that the initial weights soon lose their influence.

    Attributes:
        tensors: the average by the parameters' names in the method.
    """

    def __init__(self, method: Method, decay: float) -> None:
        translating = method.inference().keys() - method.frozen.keys()
        self._decay = decay
        self._parameters = {
            name: parameter for name, parameter in method.named_parameters() if name.split(".")[0] in translating
        }
        self.tensors = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}

    def update(self, steps: int) -> None:
        """Add the weights that the method has after `steps` steps to the average."""
        decay = min(self._decay, (1 + steps) / (10 + steps))
        parameters = [parameter.detach() for parameter in self._parameters.values()]
        torch._foreach_lerp_(list(self.tensors.values()), parameters, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the method's parameters be the average; afterwards they are what they were, in every bit."""
        trained = {name: parameter.data for name, parameter in self._parameters.items()}
        try:
            self._exchange(self.tensors)
            yield
        finally:
            self._exchange(trained)

    def _exchange(self, tensors: dict[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.data = tensors[name]
        torch.clear_autocast_cache()  # networks in bfloat16 would otherwise use weights that were converted before
