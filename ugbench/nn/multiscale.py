"""A discriminator that judges an image at several sizes (Wang et al. 2018; MUNIT and UNIT use it)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.losses import least_squares
from ugbench.nn.padding import ReflectionPad

SMALLEST = 16  # px at a scale: four halvings with reflection padding before each


def scales_within(size: int, most: int = 3) -> int:
    """How many scales an image of `size` px has that are large enough for their networks, `most` at the most."""
    scales = 0
    while scales < most and size >= SMALLEST:
        scales, size = scales + 1, (size + 1) // 2
    return scales


class MultiScaleDiscriminator(nn.Module):
    """Networks of one form, each with its own weights, on the image and on its halves, quarters and so on.

    Args:
        channels: of each network's first convolution.
        scales: sizes at which the image is judged; the smallest needs 16 px.
    """

    def __init__(self, channels: int, scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_patches(channels) for _ in range(scales))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images (n, 3, h, w) to scores (n, 1, h / 16, w / 16), then those of half the size, and so on."""
        scores: list[Tensor] = []
        for network in self.scales:
            if scores:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            scores.append(network(x))
        return scores


def summed_least_squares(scores: Iterable[Tensor], target: float) -> Tensor:
    """LSGAN of each scale's scores, added up; target 1 is real."""
    return torch.stack([least_squares(score, target) for score in scores]).sum()


def _patches(channels: int) -> nn.Sequential:
    """Four 4x4 convolutions that halve, without norm, then a 1x1: images (n, 3, h, w) to (n, 1, h / 16, w / 16)."""
    widths = [channels, 2 * channels, 4 * channels, 8 * channels]
    layers: list[nn.Module] = []
    for before, after in zip([3, *widths], widths, strict=False):
        layers += [ReflectionPad(1), nn.Conv2d(before, after, 4, stride=2), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))
