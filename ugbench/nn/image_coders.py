"""The encoder of UNIT, which is MUNIT's content encoder, and the layers that end the decoders of both.

The sizes are those of the authors' codes (Liu et al. 2017, in the re-release of 2018-05; Huang et al. 2018).
"""

from __future__ import annotations

from torch import nn

from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.layer_norm import ImageLayerNorm
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.residual import ResidualBlock


def image_encoder(channels: int, blocks: int, halvings: int = 2) -> nn.Sequential:
    """Encoder: images (n, 3, h, w) in [-1, 1] to codes (n, f * channels, h / f, w / f) of any range; f is 2^halvings.

    Args:
        channels: output channels of the first convolution.
        blocks: number of residual blocks.
    """
    return nn.Sequential(
        *(ReflectionPad(3), nn.Conv2d(3, channels, 7), InstanceNorm2d(channels), nn.ReLU(True)),
        *(layer for level in range(halvings) for layer in _downsample(2**level * channels)),
        *(ResidualBlock(2**halvings * channels) for _ in range(blocks)),
    )


def image_layers(channels: int, halvings: int = 2) -> tuple[nn.Module, ...]:
    """The last layers of a decoder: codes (n, f * channels, h, w) to images (n, 3, f * h, f * w) in [-1, 1]."""
    return (
        *(layer for level in reversed(range(halvings)) for layer in _upsample(2**level * channels)),
        *(ReflectionPad(3), nn.Conv2d(channels, 3, 7), nn.Tanh()),
    )


def _downsample(channels: int) -> tuple[nn.Module, ...]:
    """Layers that halve height and width and double the channels."""
    return ReflectionPad(1), nn.Conv2d(channels, 2 * channels, 4, stride=2), InstanceNorm2d(2 * channels), nn.ReLU(True)


def _upsample(out_channels: int) -> tuple[nn.Module, ...]:
    """Layers that double height and width and halve the channels."""
    return (
        *(nn.Upsample(scale_factor=2, mode="nearest"), ReflectionPad(2)),
        *(nn.Conv2d(2 * out_channels, out_channels, 5), ImageLayerNorm(out_channels), nn.ReLU(True)),
    )
