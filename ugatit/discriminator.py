"""The discriminators: logits of patches, and of an auxiliary classifier (Kim et al. 2020, figure 1, section 2.1.2)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ugatit.cam import Attention, CAMWeight
from ugbench.method import Size, width_and_height
from ugbench.nn.padding import reflect_pad
from ugbench.nn.spectral_norm import SpectralConv2d, spectral_norms

GLOBAL_DEPTH, LOCAL_DEPTH = 5, 3


class DiscriminatorOutput(NamedTuple):
    """What a discriminator computes for each image.

    Attributes:
        logits: (n, 1, h, w), high where a patch looks real.
        cam_logits: (n, 2), high where the image looks real; None without CAM.
        attention_map: (n, 1, h + 1, w + 1), high where the attention is; any range.
    """

    logits: Tensor
    cam_logits: Tensor | None
    attention_map: Tensor


def largest_depth(size: Size) -> int:
    """The largest number of stride-2 convolutions that images of `size` px allow; 0 if they allow none.

    Two convolutions of stride 1 follow. Each of them makes the map smaller by one pixel and pads it by reflection,
    which needs at least 2 px. So the last stride-2 convolution must leave at least 3 px.
    """
    depth, side = 0, min(width_and_height(size))
    while side >> (depth + 1) >= 3:
        depth += 1
    return depth


class Discriminator(nn.Module):
    """Spectrally normalised 4x4 convolutions: `depth` of stride 2, one of stride 1, attention, one to the logits.

    Args:
        channels: number of output channels of the first layer; each following layer doubles it.
        depth: number of stride-2 convolutions. The paper's global discriminator has 5, its local one 3.
        cam: True if there is an auxiliary classifier.
        weighting: see `Attention`.
    """

    def __init__(self, *, channels: int, depth: int, cam: bool, weighting: CAMWeight) -> None:
        super().__init__()
        widths = [3, *(channels << layer for layer in range(depth + 1))]
        strides = [2] * depth + [1]
        self.layers = nn.ModuleList(
            SpectralConv2d(in_channels, out_channels, 4, stride)
            for in_channels, out_channels, stride in zip(widths, widths[1:], strides, strict=False)
        )
        leaky = partial(F.leaky_relu, negative_slope=0.2)
        self.attention = Attention(widths[-1], leaky, cam=cam, spectral=True, weighting=weighting)
        self.last = SpectralConv2d(widths[-1], 1, 4, bias=False)

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        """Patch logits and CAM logits of images (n, 3, h, w) in [-1, 1]."""
        *sigmas, last_sigma = spectral_norms([*self.layers, *self.attention.spectral_layers, self.last])
        depth = len(self.layers)
        for layer, sigma in zip(self.layers, sigmas[:depth], strict=True):
            x = F.leaky_relu(layer(reflect_pad(x, 1), sigma), 0.2, inplace=True)
        x, cam_logits, attention_map = self.attention(x, sigmas[depth:])
        return DiscriminatorOutput(self.last(reflect_pad(x, 1), last_sigma), cam_logits, attention_map)
