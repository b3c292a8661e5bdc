"""The generator: encoder, attention, and a decoder with AdaLIN (Kim et al. 2020, figure 1)."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ugatit.cam import Attention
from ugatit.config import UGATITConfig
from ugatit.normalization import AdaLIN, InstanceNorm, Style, make_rho_norm
from ugbench.method import UsageError, size_text
from ugbench.nn.block import Block
from ugbench.nn.factored_linear import FactoredLinear
from ugbench.nn.padding import reflect_pad
from ugbench.nn.upsampling import UpsampleConv2d


class GeneratorOutput(NamedTuple):
    """What a generator computes for each image.

    Attributes:
        image: the translation, (n, 3, height, width) in [-1, 1].
        cam_logits: (n, 2), high where the input looks like an image of the source domain; None without CAM.
        attention_map: (n, 1, height / f, width / f) where f is 2^halvings; high where the attention is; any range.
    """

    image: Tensor
    cam_logits: Tensor | None
    attention_map: Tensor


class ReflectConv(nn.Conv2d):
    """A convolution with reflection padding; with stride 1 it keeps height and width."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int = 1, bias: bool = False) -> None:
        super().__init__(channels, out_channels, kernel, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, out_channels, h / stride, w / stride)."""
        return F.conv2d(reflect_pad(x, self.kernel_size[0] // 2), self.weight, self.bias, self.stride)


class ResidualBlock(Block):
    """The encoder's residual block: x + IN(conv(ReLU(IN(conv(x)))))."""

    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.conv1 = ReflectConv(channels, channels, 3)
        self.norm1 = InstanceNorm(channels, affine)
        self.conv2 = ReflectConv(channels, channels, 3)
        self.norm2 = InstanceNorm(channels, affine)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape."""
        hidden = F.relu(self.norm1(self.conv1(x)), inplace=True)
        residual: Tensor = self.norm2(self.conv2(hidden))
        return x + residual


def decoder_norm(channels: int, rho_start: float, config: UGATITConfig, *, affine: bool) -> AdaLIN:
    """A norm of the decoder: it learns rho from `rho_start`, or has the fixed rho of the config."""
    rho, learn_rho = (rho_start, True) if config.rho is None else (config.rho, False)
    return make_rho_norm(config.norm, channels, rho, learn_rho=learn_rho, affine=affine, variance=config.variance)


class AdaptiveBlock(Block):
    """The decoder's residual block: x + AdaLIN(conv(ReLU(AdaLIN(conv(x))))).

    Both norms get the same gamma and beta. Without the config's `decoder_skip`, x is not added.
    """

    def __init__(self, channels: int, config: UGATITConfig) -> None:
        super().__init__()
        self.skip = config.decoder_skip
        self.conv1 = ReflectConv(channels, channels, 3, bias=config.decoder_biases)
        self.norm1 = decoder_norm(channels, config.rho_start, config, affine=not config.style)
        self.conv2 = ReflectConv(channels, channels, 3, bias=config.decoder_biases)
        self.norm2 = decoder_norm(channels, config.rho_start, config, affine=not config.style)

    def forward(self, x: Tensor, style: Style | None) -> Tensor:
        """(n, channels, h, w) to the same shape."""
        hidden = F.relu(self.norm1(self.conv1(x), style), inplace=True)
        residual: Tensor = self.norm2(self.conv2(hidden), style)
        return x + residual if self.skip else residual


class Upsample(Block):
    """Doubles height and width: nearest-neighbour upsampling, 3x3 convolution, LIN, ReLU."""

    def __init__(self, channels: int, out_channels: int, config: UGATITConfig) -> None:
        super().__init__()
        self.conv = UpsampleConv2d(channels, out_channels, bias=config.decoder_biases)
        self.norm = decoder_norm(out_channels, config.rho_start_up, config, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, out_channels, 2 h, 2 w)."""
        return F.relu(self.norm(self.conv(x)), inplace=True)


class StyleHead(nn.Module):
    """Fully connected layers that compute gamma and beta of all AdaLIN layers from the attended features.

    Args:
        channels: number of channels of the features, and of gamma and beta.
        shape: height and width of the features; the first layer has a weight for each of their pixels. None if it
            takes their average over space instead (the light model).
        factor: how many times larger than the features the images are.
        bias: True if the layers have biases.
    """

    def __init__(self, channels: int, shape: tuple[int, int] | None, factor: int, bias: bool) -> None:
        super().__init__()
        self.shape, self.factor = shape, factor
        linear, area = (nn.Linear, 1) if shape is None else (FactoredLinear, prod(shape))
        self.fc1 = linear(channels * area, channels, bias=bias)
        self.fc2 = nn.Linear(channels, channels, bias=bias)
        self.gamma = nn.Linear(channels, channels, bias=bias)
        self.beta = nn.Linear(channels, channels, bias=bias)

    def forward(self, features: Tensor) -> Style:
        """gamma and beta, each (n, channels), from features (n, channels, h, w).

        Raises:
            UsageError: the first layer was built for features of another size.
        """
        if self.shape is None:
            hidden = features.mean((2, 3))
        elif self.shape == features.shape[2:]:
            hidden = features.flatten(1)
        else:
            built, given = (size_text((self.factor * w, self.factor * h)) for h, w in (self.shape, features.shape[2:]))
            raise UsageError(
                f"a full generator built for {built} px was given {given}: its first gamma/beta layer has a weight for "
                f"every pixel; use {built} px, or a light model."
            )
        hidden = F.relu(self.fc2(F.relu(self.fc1(hidden))))
        return self.gamma(hidden), self.beta(hidden)


class Generator(nn.Module):
    """Translates images of one domain into the other: encoder, attention, decoder with AdaLIN.

    It reads the config's fields for the generators. The residual blocks have 2^halvings times as many channels as the
    first layer. A full model, unlike a light one, is built for images of one size.
    """

    def __init__(self, config: UGATITConfig) -> None:
        super().__init__()
        factor = 2**config.halvings
        narrow, middle, wide = config.channels, 2 * config.channels, factor * config.channels
        affine, bias, halves_twice = config.encoder_affine, config.decoder_biases, config.halvings == 2
        self.stem = ReflectConv(3, narrow, 7)
        self.stem_norm = InstanceNorm(narrow, affine)
        self.down1 = ReflectConv(narrow, middle, 3, stride=2)
        self.down1_norm = InstanceNorm(middle, affine)
        self.down2 = ReflectConv(middle, wide, 3, stride=2) if halves_twice else None
        self.down2_norm = InstanceNorm(wide, affine) if halves_twice else None
        self.encoder = nn.ModuleList(ResidualBlock(wide, affine) for _ in range(config.blocks))
        self.attention = Attention(wide, F.relu, cam=config.generator_cam)
        height, width = config.image_shape
        shape = None if config.light else (height // factor, width // factor)
        self.style = StyleHead(wide, shape, factor, bias) if config.style else None
        self.decoder = nn.ModuleList(AdaptiveBlock(wide, config) for _ in range(config.blocks))
        self.up1 = Upsample(wide, middle, config) if halves_twice else None
        self.up2 = Upsample(middle, narrow, config)
        self.head = ReflectConv(narrow, 3, 7, bias=bias)

    def forward(self, x: Tensor) -> GeneratorOutput:
        """Translate images (n, 3, h, w) in [-1, 1]; h and w are multiples of 4.

        Raises:
            UsageError: a full model was built for images of another size.
        """
        x = F.relu(self.stem_norm(self.stem(x)), inplace=True)
        x = F.relu(self.down1_norm(self.down1(x)), inplace=True)
        if self.down2 is not None and self.down2_norm is not None:
            x = F.relu(self.down2_norm(self.down2(x)), inplace=True)
        for block in self.encoder:
            x = block(x)
        x, cam_logits, attention_map = self.attention(x)
        style = None if self.style is None else self.style(x)
        for block in self.decoder:
            x = block(x, style)
        if self.up1 is not None:
            x = self.up1(x)
        image = self.head(self.up2(x)).tanh()
        return GeneratorOutput(image, cam_logits, attention_map)
