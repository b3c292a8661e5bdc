"""The generators of DRIT in its two forms, which differ in how attributes enter.

The layers are those of the authors' code (HsinYingLee/DRIT, the version for two domains). Each generator holds the
layers of both domains, "a" and "b". The numbers of channels in comments are those of the published size, `channels` =
64.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines._drit_networks import STYLE, Domain
from ugbench.nn.block import Block
from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.residual import ResidualBlock


class ConcatGenerator(nn.Module):
    """The generator of the form `concat`: attributes are further channels of several layers' inputs.

    Args:
        channels: as those of the content encoder.
        blocks: residual blocks of each domain; one more is shared.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.shared = ResidualBlock(4 * channels)
        self.domains = nn.ModuleDict({domain: ConcatDecoder(4 * channels, blocks) for domain in "ab"})

    def forward(self, content: Tensor, style: Tensor, domain: Domain) -> Tensor:
        """Content codes (n, 4 * channels, h, w) and attributes (n, 8) to images (n, 3, 4 * h, 4 * w) of a domain."""
        y: Tensor = self.domains[domain](self.shared(content), style)
        return y


class ConcatDecoder(nn.Module):
    """The part of `ConcatGenerator` that belongs to one domain."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        widths = [channels + 2 * STYLE]  # inputs of the last three layers: 272, 144, 80
        for _ in "12":
            widths.append(widths[-1] // 2 + STYLE)
        self.blocks = nn.Sequential(*(ResidualBlock(channels + STYLE) for _ in range(blocks)))
        self.up1, self.up2 = (_double(width, width // 2) for width in widths[:2])
        self.image = _to_image(widths[2])

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """As in `ConcatGenerator`."""
        for part in (self.blocks, self.up1, self.up2, self.image):
            x = part(_with_style(x, style))
        return x


class TransformGenerator(nn.Module):
    """The generator of the form `transform`: attributes change features through 1x1 convolutions. It shares nothing.

    Args:
        channels: as those of the content encoder.
        blocks: blocks of each domain.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.domains = nn.ModuleDict({domain: TransformDecoder(4 * channels, blocks) for domain in "ab"})

    def forward(self, content: Tensor, style: Tensor, domain: Domain) -> Tensor:
        """Content codes (n, 4 * channels, h, w) and attributes (n, 8) to images (n, 3, 4 * h, 4 * w) of a domain."""
        y: Tensor = self.domains[domain](content, style)
        return y


class TransformDecoder(nn.Module):
    """The generator of one domain in the form `transform`."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.styles = nn.Sequential(
            *(nn.Linear(STYLE, channels), nn.ReLU(True)),
            *(nn.Linear(channels, channels), nn.ReLU(True)),
            nn.Linear(channels, blocks * channels),
        )
        self.blocks = nn.ModuleList(TransformBlock(channels) for _ in range(blocks))
        self.up1, self.up2 = _double(channels, channels // 2), _double(channels // 2, channels // 4)
        self.image = _to_image(channels // 4)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """As in `TransformGenerator`."""
        for block, block_style in zip(self.blocks, self.styles(style).chunk(len(self.blocks), 1), strict=True):
            x = block(x, block_style)
        y: Tensor = self.image(self.up2(self.up1(x)))
        return y


class TransformBlock(Block):
    """A residual block whose features are mixed twice with a style vector, by two 1x1 convolutions each.

    Args:
        channels: of the features, and the length of the style vector.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            nn.Sequential(ReflectionPad(1), nn.Conv2d(channels, channels, 3), InstanceNorm2d(channels)) for _ in "12"
        )
        self.mix1, self.mix2 = (
            nn.Sequential(
                *(nn.Conv2d(2 * channels, 2 * channels, 1), nn.ReLU(True)),
                *(nn.Conv2d(2 * channels, channels, 1), nn.ReLU(True)),
            )
            for _ in "12"
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(n, channels, h, w) and (n, channels) to (n, channels, h, w)."""
        y: Tensor = self.mix1(_with_style(self.conv1(x), style))
        y = self.mix2(_with_style(self.conv2(y), style))
        return x + y


def _with_style(x: Tensor, style: Tensor) -> Tensor:
    """Features (n, c, h, w) and style vectors (n, s) as features (n, c + s, h, w)."""
    return torch.cat((x, style[:, :, None, None].to(x.dtype).expand(-1, -1, *x.shape[2:])), 1)


def _double(channels: int, out_channels: int) -> nn.Sequential:
    """A transposed convolution that doubles height and width, layer norm with gamma and beta per channel, and ReLU."""
    conv = nn.ConvTranspose2d(channels, out_channels, 3, stride=2, padding=1, output_padding=1)
    # One group is all of a sample: layer norm over (c, h, w), with the biased variance and eps 1e-5.
    return nn.Sequential(conv, nn.GroupNorm(1, out_channels), nn.ReLU(True))


def _to_image(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(channels, 3, 1), nn.Tanh())
