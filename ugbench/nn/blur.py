"""Halving and doubling without aliasing (Zhang 2019, "Making convolutional networks shift-invariant again")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.padding import reflect_pad


class BlurDown(nn.Module):
    """Every second pixel of a blur by [1, 2, 1] x [1, 2, 1] / 16 over mirrored borders; its kernel is no state."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("kernel", (line[:, None] * line / 16)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w), at least 2 px a side, to (n, c, ceil(h / 2), ceil(w / 2))."""
        channels = x.shape[1]
        return F.conv2d(reflect_pad(x, 1), self.kernel.expand(channels, 1, 3, 3), stride=2, groups=channels)


class BlurUp(nn.Module):
    """Twice the size: along a line each output is 3/4 of its nearer and 1/4 of its farther pixel; borders repeat.

    That is bilinear interpolation, and a transposed convolution with [1, 3, 3, 1] x [1, 3, 3, 1] / 16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, 2 h, 2 w)."""
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
