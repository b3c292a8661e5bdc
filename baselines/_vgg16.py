"""VGG16 up to relu5_3 (Simonyan and Zisserman 2015), as MUNIT's perceptual loss needs it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ugbench.nn.image_transform import IMAGENET_MEAN, IMAGENET_STD

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of convolutions of each block."""


def vgg16() -> nn.Sequential:
    """The convolutions of VGG16, each with a ReLU after it, and the pooling between blocks, but not before the last.

    MUNIT's code leaves that pooling out; a layer without weights stands in its place. So the weights have the names of
    torchvision's `features`. Its input is what `vgg16_input` gives, and its output (n, 512, h // 8, w // 8).
    """
    layers: list[nn.Module] = []
    channels = 3
    for block, (width, convolutions) in enumerate(BLOCKS):
        if block > 0:
            layers.append(nn.MaxPool2d(2) if block < len(BLOCKS) - 1 else nn.Identity())
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(True)]
            channels = width
    return nn.Sequential(*layers)


def vgg16_input(images: Tensor) -> Tensor:
    """Images (n, 3, h, w) in [-1, 1] as torchvision's weights take them: less ImageNet's mean, over its deviation."""
    # Numbers and no tensors: copying these to a GPU in each step would wait for it.
    channels = zip(images.unbind(1), IMAGENET_MEAN, IMAGENET_STD, strict=True)
    return torch.stack([channel / (2 * std) + (0.5 - mean) / std for channel, mean, std in channels], 1)
