"""The encoders of DRIT, of content and of attributes, and its discriminator of contents.

The layers are those of the authors' code (HsinYingLee/DRIT, the version for two domains). Each encoder holds the layers
of both domains, "a" and "b". The numbers of channels in comments are those of the published size, `channels` = 64.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from ugbench.method import Size, width_and_height
from ugbench.nn.block import Block
from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.padding import ReflectionPad
from ugbench.nn.residual import ResidualBlock

Domain = Literal["a", "b"]
STYLE = 8  # length of an attribute vector
SLOPE = 0.01  # of leaky ReLU in all networks except the attribute encoder of the form `concat`


class ContentEncoder(nn.Module):
    """Images (n, 3, h, w) in [-1, 1] to content codes (n, 4 * channels, h / 4, w / 4), without noise.

    Args:
        channels: of the first convolution.
        blocks: residual blocks of each domain; one more is shared.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.domains = nn.ModuleDict({domain: self._of_one_domain(channels, blocks) for domain in "ab"})
        self.shared = ResidualBlock(4 * channels)

    def forward(self, x: Tensor, domain: Domain) -> Tensor:
        """The content codes of images of a domain."""
        code: Tensor = self.shared(self.domains[domain](x))
        return code

    @staticmethod
    def _of_one_domain(channels: int, blocks: int) -> nn.Sequential:
        half, quarter = 2 * channels, 4 * channels
        return nn.Sequential(
            nn.Sequential(ReflectionPad(3), nn.Conv2d(3, channels, 7), nn.LeakyReLU(SLOPE, True)),
            _halve(channels, half, InstanceNorm2d(half)),
            _halve(half, quarter, InstanceNorm2d(quarter)),
            *(ResidualBlock(quarter) for _ in range(blocks)),
        )


def _halve(channels: int, out_channels: int, norm: nn.Module) -> nn.Sequential:
    """A 3x3 convolution of stride 2, a norm and ReLU."""
    return nn.Sequential(ReflectionPad(1), nn.Conv2d(channels, out_channels, 3, stride=2), norm, nn.ReLU(True))


class GlobalMean(nn.Module):
    """The mean over height and width: (n, c, h, w) to (n, c, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """The means."""
        return x.mean((2, 3), keepdim=True)


class AttributeEncoder(nn.Module):
    """The attribute encoder of the form `transform`: images to one attribute vector each.

    Args:
        channels: of the first convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.domains = nn.ModuleDict({domain: self._of_one_domain(channels) for domain in "ab"})

    def forward(self, x: Tensor, domain: Domain) -> tuple[Tensor]:
        """The attributes (n, 8) of images (n, 3, h, w) of a domain, in a tuple."""
        return (self.domains[domain](x),)

    @staticmethod
    def _of_one_domain(channels: int) -> nn.Sequential:
        layers: list[nn.Module] = [ReflectionPad(3), nn.Conv2d(3, channels, 7), nn.ReLU(True)]
        widths = [channels, 2 * channels, *[4 * channels] * 3]  # 64, 128, 256, 256, 256
        for width, out_width in pairwise(widths):
            layers += [ReflectionPad(1), nn.Conv2d(width, out_width, 4, stride=2), nn.ReLU(True)]
        return nn.Sequential(*layers, GlobalMean(), nn.Conv2d(widths[-1], STYLE, 1), nn.Flatten())


class VariationalAttributeEncoder(nn.Module):
    """The attribute encoder of the form `concat`: images to one Gaussian over attribute vectors each.

    Args:
        channels: of the first convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [factor * channels for factor in (1, 2, 3, 4)]  # 64, 128, 192, 256
        self.domains = nn.ModuleDict({domain: self._features(widths) for domain in "ab"})
        self.mean = nn.ModuleDict({domain: nn.Linear(widths[-1], STYLE) for domain in "ab"})
        self.log_variance = nn.ModuleDict({domain: nn.Linear(widths[-1], STYLE) for domain in "ab"})

    def forward(self, x: Tensor, domain: Domain) -> tuple[Tensor, Tensor]:
        """The mean and the logarithm of the variance, both (n, 8), for images (n, 3, h, w) of a domain."""
        features = self.domains[domain](x)
        return self.mean[domain](features), self.log_variance[domain](features)

    @staticmethod
    def _features(widths: list[int]) -> nn.Sequential:
        return nn.Sequential(
            *(ReflectionPad(1), nn.Conv2d(3, widths[0], 4, stride=2)),
            *(PoolingBlock(width, out_width) for width, out_width in pairwise(widths)),
            *(nn.LeakyReLU(0.2), GlobalMean(), nn.Flatten()),
        )


class PoolingBlock(Block):
    """A residual block that halves height and width; each activation comes before its convolution.

    Args:
        channels, out_channels: of its input and of its output.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.LeakyReLU(0.2), ReflectionPad(1), nn.Conv2d(channels, channels, 3)),
            *(nn.LeakyReLU(0.2), ReflectionPad(1), nn.Conv2d(channels, out_channels, 3), nn.AvgPool2d(2)),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, out_channels, h / 2, w / 2), rounded down."""
        y: Tensor = self.layers(x) + self.shortcut(x)
        return y


def largest_content_depth(size: Size, limit: int = 3) -> int:
    """The number of stride-2 layers, up to `limit`, of a content discriminator for images of `size` px."""
    depth, side = 0, min(width_and_height(size)) // 4
    # A 4x4 convolution without padding follows these layers.
    while depth < limit and (side := (side - 5) // 2 + 1) >= 4:
        depth += 1
    return depth


def content_discriminator(channels: int, depth: int) -> nn.Sequential:
    """Content codes (n, channels, h, w) to logits (n, 1, h', w'): high for domain B, low for domain A.

    The convolutions have no norm. The authors' code asks for instance norm only if two texts are equal, and they never
    are (their pull request 31).

    Args:
        depth: convolutions of stride 2, 7x7 with padding 1.
    """
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [ReflectionPad(1), nn.Conv2d(channels, channels, 7, stride=2), nn.LeakyReLU(SLOPE, True)]
    layers += [nn.Conv2d(channels, channels, 4), nn.LeakyReLU(SLOPE, True)]
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 1))
