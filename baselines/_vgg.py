"""The convolutions of VGG (Simonyan and Zisserman 2015), as far as a feature loss needs them, and what they take.

The layers have the numbers of torchvision's `features`, so that a file with the keys `features.N.weight` fits. Two
kinds of such files exist, and their tensors do not tell which one a file is:

- torchvision's own weights take RGB from 0 to 1, less the mean of ImageNet, divided by its standard deviation;
- the weights of the paper, converted from Caffe, take BGR from 0 to 255 less a mean per channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.image_transform import IMAGENET_MEAN, IMAGENET_STD

Layer = int | Literal["pool", "no pool"]
"""The output channels of a 3x3 convolution, a max pooling that halves height and width, or a pooling that is left out
while the layers after it keep their numbers."""

VGG19_CONV4_4: tuple[Layer, ...] = (
    *(64, 64, "pool"),
    *(128, 128, "pool"),
    *(256, 256, 256, 256, "pool"),
    *(512, 512, 512, 512),
)
"""VGG19 up to the last convolution of its fourth block."""

VGG16_RELU5_3: tuple[Layer, ...] = (
    *(64, 64, "pool"),
    *(128, 128, "pool"),
    *(256, 256, 256, "pool"),
    *(512, 512, 512, "no pool"),
    *(512, 512, 512),
)
"""VGG16 up to the last convolution of its fifth block, without the pooling before that block, as in MUNIT's code."""

Convention = Literal["torchvision", "caffe"]
CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR, of images in [0, 255]
# What is done to images in [-1, 1]: for each channel of the result the channel that it is made of (of RGB), a factor
# and a summand.
_AFFINE: Mapping[Convention, tuple[tuple[int, float, float], ...]] = MappingProxyType(
    {
        "torchvision": tuple(
            (channel, 0.5 / std, (0.5 - mean) / std)
            for channel, (mean, std) in enumerate(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True))
        ),
        "caffe": tuple((2 - channel, 127.5, 127.5 - mean) for channel, mean in enumerate(CAFFE_MEAN)),
    }
)


def vgg(layers: Sequence[Layer], last_relu: bool = False) -> nn.Sequential:
    """VGG's convolutions, each with a ReLU after it, and its poolings.

    Args:
        layers: see `Layer`.
        last_relu: whether the last convolution has a ReLU too.
    Returns:
        Takes images as `vgg_input` gives them, (n, 3, h, w), and gives features (n, c, h / 2^p, w / 2^p), rounded down
        at each of the p poolings.
    """
    modules = list(_modules(layers))
    return nn.Sequential(*(modules if last_relu else modules[:-1]))


def _modules(layers: Sequence[Layer]) -> Iterator[nn.Module]:
    channels = 3
    for layer in layers:
        if layer == "pool":
            yield nn.MaxPool2d(2)
        elif layer == "no pool":
            yield nn.Identity()
        else:
            yield nn.Conv2d(channels, layer, 3, padding=1)
            yield nn.ReLU(inplace=True)
            channels = layer


def narrowed(layers: Sequence[Layer], channels: int) -> tuple[Layer, ...]:
    """The layers of a VGG whose first convolution has `channels` channels; the others are narrower in proportion."""
    return tuple(layer if isinstance(layer, str) else layer * channels // 64 for layer in layers)


def vgg_input(images: Tensor, convention: Convention) -> Tensor:
    """Images as a file of VGG's weights takes them.

    Args:
        images: RGB (n, 3, h, w) in [-1, 1].
        convention: of the file, see the docstring of this module.
    Returns:
        RGB with mean 0 and standard deviation 1 over ImageNet, or BGR from -124 to 152; of the same shape.
    """
    channels = images.unbind(1)
    return torch.stack([channels[source] * factor + summand for source, factor, summand in _AFFINE[convention]], 1)


def resized(images: Tensor, side: int) -> Tensor:
    """Images (n, c, h, w) of any proportions, resized to squares (n, c, side, side).

    Bilinear, not antialiased; the centres of the corner pixels stay at the corners.
    """
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", align_corners=True)
