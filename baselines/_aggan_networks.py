"""The networks of AGGAN: generators, attention networks, and discriminators whose norms can be left out.

The authors' code pads as TensorFlow does. A convolution of stride 2 has a row and a column of zeros after the image and
none before it. A transposed convolution loses its last row and its last column; PyTorch's own padding would cut the
first ones, and shift the image by a pixel.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.block import Block
from ugbench.nn.init import initialize_
from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.moments import EPS, channel_affine, instance_moments
from ugbench.nn.padding import ReflectionPad

AttentionKernels = Literal["published", "intended"]
STD = 0.02  # of initial weights, and of the norms' initial scales around 1


class ResidualBlock(Block):
    """Two 3x3 convolutions with instance norm and a skip connection; unlike in CycleGAN a ReLU follows the sum.

    Args:
        reflects: whether images are padded with mirrored pixels, and not with zeros.
    """

    def __init__(self, channels: int, reflects: bool) -> None:
        super().__init__()
        padding = (ReflectionPad(1),) if reflects else ()
        zeros = 0 if reflects else 1
        self.layers = nn.Sequential(
            *(*padding, nn.Conv2d(channels, channels, 3, padding=zeros), _norm(channels), nn.ReLU(True)),
            *(*padding, nn.Conv2d(channels, channels, 3, padding=zeros), _norm(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape."""
        return F.relu(x + self.layers(x), inplace=True)


class WithoutLast(nn.Module):
    """Cuts the last row and the last column of images."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h + 1, w + 1) to (n, c, h, w)."""
        return x[..., :-1, :-1]


class SwitchedInstanceNorm(nn.Module):
    """Instance norm with scale and shift, which a flag on the device can switch off.

    The flag may change from step to step, while the sequence of operations stays the same: the norm is one scale and
    one shift for each channel of a sample, and they are 1 and 0 when it is switched off.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, left_out: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape; `left_out` is a bool scalar."""
        mean, variance = instance_moments(x)
        scale = self.weight[:, None, None] * torch.rsqrt(variance + EPS)
        shift = self.bias[:, None, None] - mean * scale
        return channel_affine(x, torch.where(left_out, 1.0, scale), torch.where(left_out, 0.0, shift))


class Discriminator(nn.Module):
    """PatchGAN with instance norm in all layers except the last; the first layer has one too.

    Images (n, 3, h, w) become logits (n, 1, h / 8 + 3, w / 8 + 3), where the quotients are rounded up.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (3, channels, 2 * channels, 4 * channels, 8 * channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=1 if after == widths[-1] else 2, padding=2)
            for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(SwitchedInstanceNorm(width) for width in widths[1:])
        self.last = nn.Conv2d(widths[-1], 1, 4, padding=2)

    def forward(self, x: Tensor, without_norm: Tensor) -> Tensor:
        """The logits.

        Args:
            x: (n, 3, h, w) in [-1, 1].
            without_norm: a bool scalar; where it is true, no layer is normalised, and the norms' parameters have no
                part in the result.
        """
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.leaky_relu(norm(convolution(x), without_norm), 0.2, inplace=True)
        y: Tensor = self.last(x)
        return y


def generator(channels: int, blocks: int) -> nn.Sequential:
    """ResNet generator: images (n, 3, h, w) to images of the same shape in [-1, 1]; h and w are multiples of 4."""
    half, quarter = 2 * channels, 4 * channels
    return nn.Sequential(
        *(nn.Conv2d(3, channels, 7, padding=3), _norm(channels), nn.ReLU(True)),
        *(*_halve(channels, half), _norm(half), nn.ReLU(True)),
        *(*_halve(half, quarter), _norm(quarter), nn.ReLU(True)),
        *(ResidualBlock(quarter, reflects=False) for _ in range(blocks)),
        *(*_double(quarter, half), _norm(half), nn.ReLU(True)),
        *(*_double(half, channels), _norm(channels), nn.ReLU(True)),
        *(nn.Conv2d(channels, 3, 7, padding=3), nn.Tanh()),
    )


def attention_network(channels: int, kernels: AttentionKernels) -> nn.Sequential:
    """Attention network: images (n, 3, h, w) to attention maps (n, 1, h, w) in [0, 1]; h and w are multiples of 4.

    Args:
        kernels: of the three convolutions after the residual block; the first two come after an upsampling by 2 each.
            "published": 1x1. Such convolutions and instance norm treat the equal pixels of an upsampled image equally,
            so the same maps are computed at a quarter of the size and upsampled at the end. "intended": 3x3, 3x3, 7x7.
    """
    wide = 2 * channels
    encoder = (
        *(ReflectionPad(3), nn.Conv2d(3, channels, 7, stride=2), _norm(channels), nn.ReLU(True)),
        *(*_halve(channels, wide), _norm(wide), nn.ReLU(True)),
        ResidualBlock(wide, reflects=True),
    )
    if kernels == "published":
        return nn.Sequential(
            *encoder,
            *(nn.Conv2d(wide, wide, 1), _norm(wide), nn.ReLU(True)),
            *(nn.Conv2d(wide, channels, 1), _norm(channels), nn.ReLU(True)),
            *(nn.Conv2d(channels, 1, 1), nn.Sigmoid(), _upsample(4)),
        )
    return nn.Sequential(
        *encoder,
        *(_upsample(2), nn.Conv2d(wide, wide, 3, padding=1), _norm(wide), nn.ReLU(True)),
        *(_upsample(2), nn.Conv2d(wide, channels, 3, padding=1), _norm(channels), nn.ReLU(True)),
        *(nn.Conv2d(channels, 1, 7, padding=3), nn.Sigmoid()),
    )


def truncated_normal_(module: nn.Module) -> None:
    """Initialize as the authors' code: weights from N(0, 0.02^2) and scales of norms from N(1, 0.02^2), both truncated
    at two standard deviations; biases and shifts 0.
    """
    initialize_(module, lambda weight: _truncated(weight, 0.0))
    for layer in module.modules():
        if isinstance(layer, InstanceNorm2d | SwitchedInstanceNorm):
            _truncated(layer.weight, 1.0)


def _truncated(weight: Tensor, mean: float) -> Tensor:
    return nn.init.trunc_normal_(weight, mean, STD, mean - 2 * STD, mean + 2 * STD)


def _norm(channels: int) -> InstanceNorm2d:
    return InstanceNorm2d(channels, affine=True)


def _upsample(factor: int) -> nn.Upsample:
    return nn.Upsample(scale_factor=factor, mode="nearest")


def _halve(channels: int, out_channels: int) -> tuple[nn.Module, nn.Module]:
    """A 3x3 convolution that halves height and width, padded as TensorFlow's SAME."""
    return nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(channels, out_channels, 3, stride=2)


def _double(channels: int, out_channels: int) -> tuple[nn.Module, nn.Module]:
    """A 3x3 transposed convolution that doubles height and width, padded as TensorFlow's SAME."""
    return nn.ConvTranspose2d(channels, out_channels, 3, stride=2), WithoutLast()
