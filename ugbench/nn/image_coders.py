"""The encoder of UNIT, which is MUNIT's content encoder, and the layers that end the decoders of both.

The sizes are those of the authors' codes (Liu et al. 2017, in the re-release of 2018-05; Huang et al. 2018).
"""

from __future__ import annotations

from torch import nn

from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.layer_norm import ImageLayerNorm
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.residual import ResidualBlock


def image_encoder(channels: int, blocks: int) -> nn.Sequential:
    """Encoder: images (n, 3, h, w) in [-1, 1] to codes (n, 4 * channels, h / 4, w / 4) of any range.

    Args:
        channels: output channels of the first convolution.
        blocks: number of residual blocks.
    """
    half, quarter = 2 * channels, 4 * channels
    return nn.Sequential(
        *(ReflectionPad(3), nn.Conv2d(3, channels, 7), InstanceNorm2d(channels), nn.ReLU(True)),
        *(ReflectionPad(1), nn.Conv2d(channels, half, 4, stride=2), InstanceNorm2d(half), nn.ReLU(True)),
        *(ReflectionPad(1), nn.Conv2d(half, quarter, 4, stride=2), InstanceNorm2d(quarter), nn.ReLU(True)),
        *(ResidualBlock(quarter) for _ in range(blocks)),
    )


def image_layers(channels: int) -> tuple[nn.Module, ...]:
    """The last layers of a decoder: codes (n, 4 * channels, h, w) to images (n, 3, 4 * h, 4 * w) in [-1, 1]."""
    half, quarter = 2 * channels, 4 * channels
    return (
        *(*_upsample(quarter, half), ImageLayerNorm(half), nn.ReLU(True)),
        *(*_upsample(half, channels), ImageLayerNorm(channels), nn.ReLU(True)),
        *(ReflectionPad(3), nn.Conv2d(channels, 3, 7), nn.Tanh()),
    )


def _upsample(channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    """Layers that double height and width."""
    return nn.Upsample(scale_factor=2, mode="nearest"), ReflectionPad(2), nn.Conv2d(channels, out_channels, 5)
