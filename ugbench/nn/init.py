"""Initial weights."""

from __future__ import annotations

from torch import nn


def normal_(module: nn.Module, std: float = 0.02) -> None:
    """Weights of every convolution and linear layer from N(0, std), their biases 0; other parameters stay.

    Draws from torch's default generator, in the order of `module.modules()`.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
