"""Initial weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn


def initialize_(module: nn.Module, weight_init: Callable[[Tensor], Tensor]) -> None:
    """Initialize each convolution and linear layer: weights by `weight_init`, biases 0. Other parameters stay.

    The numbers come from torch's default random generator, in the order of `module.modules()`.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            weight_init(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def normal_(module: nn.Module) -> None:
    """`initialize_` with weights from N(0, 0.02^2)."""
    initialize_(module, partial(nn.init.normal_, std=0.02))
