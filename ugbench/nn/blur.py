"""Halving and doubling without aliasing (Zhang 2019, "Making convolutional networks shift-invariant again")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.padding import reflect_pad


class BlurDown(nn.Module):
    """Every second pixel of a blur by [1, 2, 1] x [1, 2, 1] / 16 over mirrored borders; its kernel is no state."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w), at least 2 px a side, to (n, c, ceil(h / 2), ceil(w / 2))."""
        channels = x.shape[1]
        # Made on the device each time: a buffer outside the state is lost where a network is built without memory.
        line = 2 - torch.arange(-1, 2, device=x.device).abs().to(x.dtype)
        kernel = (line[:, None] * line / 16).expand(channels, 1, 3, 3)
        return F.conv2d(reflect_pad(x, 1), kernel, stride=2, groups=channels)


class BlurUp(nn.Module):
    """Twice the size: along a line each output is 3/4 of its nearer and 1/4 of its farther pixel; borders repeat.

    That is bilinear interpolation, and a transposed convolution with [1, 3, 3, 1] x [1, 3, 3, 1] / 16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, 2 h, 2 w)."""
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
