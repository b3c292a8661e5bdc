"""Initial weights."""

from __future__ import annotations

from torch import nn


def normal_(module: nn.Module, std: float = 0.02) -> None:
    """Initialize each convolution and linear layer: weights from N(0, std^2), biases 0. Other parameters stay.

    The numbers come from torch's default random generator, in the order of `module.modules()`.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
