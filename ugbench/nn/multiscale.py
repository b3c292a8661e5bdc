"""A discriminator for several sizes of the same image (Wang et al. 2018), as DRIT, MUNIT and UNIT have it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.image_size import Size, size_text, width_and_height
from ugbench.nn.losses import least_squares
from ugbench.nn.padding import ReflectionPad

SMALLEST = 16  # px; the networks halve an image four times, each time after reflection padding


def largest_scale_count(size: Size, limit: int = 3) -> int:
    """The number of scales, up to `limit`, at which an image of `size` px is large enough for a network."""
    scales, side = 0, min(width_and_height(size))
    while scales < limit and side >= SMALLEST:
        scales, side = scales + 1, (side + 1) // 2
    return scales


def scales_for(size: Size, scales: int | None) -> int:
    """The number of scales that a config asks for. If `scales` is None, it is 3, or fewer for small images.

    Raises:
        ValueError: an image of `size` px is too small for so many scales.
    """
    largest = largest_scale_count(size, scales or 3)
    if scales is not None and scales > largest:
        raise ValueError(f"at size={size_text(size)} it is at most {largest}")
    return largest


class MultiScaleDiscriminator(nn.Module):
    """Networks of the same architecture but different weights: for the image, for its half size, and so on.

    Args:
        channels: output channels of the first convolution of each network.
        scales: number of networks; the smallest image must have at least 16 px.
        slope: of leaky ReLU.
    """

    def __init__(self, channels: int, scales: int, slope: float = 0.2) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_patch_discriminator(channels, slope) for _ in range(scales))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Logits (n, 1, h / 16, w / 16) of images (n, 3, h, w), then those for the images at half size, and so on."""
        logits: list[Tensor] = []
        for network in self.scales:
            if logits:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            logits.append(network(x))
        return logits


def real_and_fake_logits(discriminator: nn.Module, real: Tensor, fake: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The logits of real and of fake images from one forward pass, for each of them one tensor per scale.

    Args:
        discriminator: a `MultiScaleDiscriminator`.
        real, fake: images (n, 3, h, w), equally many of each.
    """
    pairs = [scale_logits.chunk(2) for scale_logits in discriminator(torch.cat((real, fake)))]
    return [of_real for of_real, _ in pairs], [of_fake for _, of_fake in pairs]


def summed_least_squares(logits: Iterable[Tensor], target: float) -> Tensor:
    """The sum over scales of the least-squares adversarial loss; `target` is 1 for real and 0 for fake."""
    return torch.stack([least_squares(scale_logits, target) for scale_logits in logits]).sum()


def _patch_discriminator(channels: int, slope: float) -> nn.Sequential:
    """Four 4x4 convolutions of stride 2 without norm, then a 1x1 convolution to the logits."""
    widths = [channels, 2 * channels, 4 * channels, 8 * channels]
    layers: list[nn.Module] = []
    for in_channels, out_channels in zip([3, *widths], widths, strict=False):
        layers += [ReflectionPad(1), nn.Conv2d(in_channels, out_channels, 4, stride=2), nn.LeakyReLU(slope, True)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))
