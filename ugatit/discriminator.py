"""The discriminators: a patch map and an auxiliary classifier's logits (Kim et al. 2020, figure 1)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ugatit.cam import Attention, Weighting
from ugbench.nn.padding import reflect_pad
from ugbench.nn.spectral_norm import SpectralConv2d

GLOBAL_DEPTH, LOCAL_DEPTH = 5, 3


class Judgement(NamedTuple):
    """What a discriminator gives.

    Attributes:
        logits: (n, 1, h, w), high where a patch looks real.
        cam_logits: (n, 2), high where the image looks real; None without CAM.
        heat: (n, 1, h + 1, w + 1), where the attention lies, unscaled.
    """

    logits: Tensor
    cam_logits: Tensor | None
    heat: Tensor


def largest_depth(size: int) -> int:
    """The most stride-2 convolutions that images of `size` px allow; 0 if not even one.

    Two convolutions of stride 1 follow. Each takes a pixel off the map and pads it by reflection, which needs
    2 px, so the last halving must leave 3.
    """
    depth = 0
    while size >> (depth + 1) >= 3:
        depth += 1
    return depth


class Discriminator(nn.Module):
    """4x4 convolutions with spectral norm: `depth` of stride 2, one of stride 1; attention; one to patches.

    Args:
        channels: of the first layer; each further one doubles them.
        depth: stride-2 convolutions: 5 for the paper's global discriminator, 3 for its local one.
        cam: whether there is an auxiliary classifier.
        weighting: see `Attention`.
    """

    def __init__(self, *, channels: int, depth: int, cam: bool, weighting: Weighting) -> None:
        super().__init__()
        widths = [3, *(channels << layer for layer in range(depth + 1))]
        strides = [2] * depth + [1]
        self.layers = nn.ModuleList(
            SpectralConv2d(before, after, 4, stride)
            for before, after, stride in zip(widths, widths[1:], strides, strict=False)
        )
        leaky = partial(F.leaky_relu, negative_slope=0.2)
        self.attention = Attention(widths[-1], leaky, cam=cam, spectral=True, weighting=weighting)
        self.last = SpectralConv2d(widths[-1], 1, 4, bias=False)

    def forward(self, x: Tensor) -> Judgement:
        """(n, 3, size, size) in [-1, 1] to patch and CAM logits."""
        for layer in self.layers:
            x = F.leaky_relu(layer(reflect_pad(x, 1)), 0.2, inplace=True)
        x, cam_logits, heat = self.attention(x)
        return Judgement(self.last(reflect_pad(x, 1)), cam_logits, heat)
