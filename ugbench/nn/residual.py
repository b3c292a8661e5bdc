"""The residual block of the networks of CycleGAN, UNIT and CUT."""

from __future__ import annotations

from torch import Tensor, nn

from ugbench.nn.block import Block
from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.padding import ReflectionPad


class ResidualBlock(Block):
    """Two 3x3 convolutions with instance norm, and a skip connection; no activation after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(ReflectionPad(1), nn.Conv2d(channels, channels, 3), InstanceNorm2d(channels), nn.ReLU(True)),
            *(ReflectionPad(1), nn.Conv2d(channels, channels, 3), InstanceNorm2d(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape."""
        residual: Tensor = self.layers(x)
        return x + residual
