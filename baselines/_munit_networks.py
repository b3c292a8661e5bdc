"""The networks of MUNIT that other methods do not have: its style encoder, and a decoder with adaptive instance norm.

Sizes and order are those of the authors' code (Huang et al. 2018, section 5.1).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.autocasting import without_autocast
from ugbench.nn.block import Block
from ugbench.nn.image_coders import image_layers
from ugbench.nn.moments import EPS, channel_affine, instance_moments
from ugbench.nn.padding import ReflectionPad


def style_encoder(channels: int, style_dim: int) -> nn.Sequential:
    """Style encoder: images (n, 3, h, w) in [-1, 1], with sides of at least 16 px, to styles (n, style_dim).

    It has no norm, because instance norm would remove the means and variances that make up the style.

    Args:
        channels: output channels of the first convolution.
        style_dim: length of a style.
    """
    widths = (channels, 2 * channels, 4 * channels, 4 * channels, 4 * channels)
    layers: list[nn.Module] = [ReflectionPad(3), nn.Conv2d(3, channels, 7), nn.ReLU(True)]
    for in_channels, out_channels in pairwise(widths):
        layers += [ReflectionPad(1), nn.Conv2d(in_channels, out_channels, 4, stride=2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Conv2d(4 * channels, style_dim, 1), nn.Flatten())


class Decoder(nn.Module):
    """Contents (n, 4 * channels, h, w) and styles (n, style_dim) to images (n, 3, 4 * h, 4 * w) in [-1, 1].

    An MLP turns the style into the shifts and scales of every adaptive instance norm.

    Args:
        channels: input channels of the last convolution.
        blocks: number of residual blocks; each has two norms.
        mlp_width: units in each of the two hidden layers of the MLP.
        style_dim: length of a style.
    """

    def __init__(self, channels: int, blocks: int, mlp_width: int, style_dim: int) -> None:
        super().__init__()
        content_channels = 4 * channels
        self.mlp = nn.Sequential(
            *(nn.Linear(style_dim, mlp_width), nn.ReLU(True)),
            *(nn.Linear(mlp_width, mlp_width), nn.ReLU(True)),
            nn.Linear(mlp_width, blocks * 2 * 2 * content_channels),
        )
        self.blocks = nn.ModuleList(AdaptiveResidualBlock(content_channels) for _ in range(blocks))
        self.image = nn.Sequential(*image_layers(channels))

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """Decode each content with the style of the same place in the batch."""
        with without_autocast(style):  # rounded shifts and scales would change whole channels, and this is cheap
            numbers = self.mlp(style)
        # For each block, for each of its two norms: all shifts, then all scales.
        affine = numbers.unflatten(1, (len(self.blocks), 2, 2, -1))
        features = content
        for block, block_affine in zip(self.blocks, affine.unbind(1), strict=True):
            features = block(features, block_affine)
        image: Tensor = self.image(features)
        return image


class AdaptiveResidualBlock(Block):
    """A residual block whose two norms are adaptive instance norms; no activation after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Sequential(ReflectionPad(1), nn.Conv2d(channels, channels, 3))
        self.second = nn.Sequential(ReflectionPad(1), nn.Conv2d(channels, channels, 3))

    def forward(self, x: Tensor, affine: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape.

        Args:
            affine: for each of the two norms the shift and the scale of each channel, (n, 2, 2, channels).
        """
        (first_shift, first_scale), (second_shift, second_scale) = (norm.unbind(1) for norm in affine.unbind(1))
        inner = F.relu(adaptive_instance_norm(self.first(x), first_shift, first_scale))
        return x + adaptive_instance_norm(self.second(inner), second_shift, second_scale)


def adaptive_instance_norm(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """AdaIN (Huang and Belongie 2017): scale * (x - mean) / sqrt(variance + 1e-5) + shift.

    Mean and variance, which is biased, are over (h, w) of each channel of each sample. The scale is used as it is, not
    added to 1.

    Args:
        x: (n, c, h, w).
        shift, scale: (n, c).
    """
    mean, variance = instance_moments(x)
    factor = scale[..., None, None] * torch.rsqrt(variance + EPS)
    return channel_affine(x, factor, shift[..., None, None] - factor * mean)
