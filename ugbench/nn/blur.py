"""Antialiased down- and upsampling by 2 (Zhang 2019, "Making convolutional networks shift-invariant again")."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.padding import reflect_pad


class BlurDown(nn.Module):
    """Blur with the kernel [1, 2, 1] x [1, 2, 1] / 16 and reflection padding, then keep every second pixel.

    It has no parameters and no buffers.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Images (n, c, h, w) with h and w at least 2 to (n, c, ceil(h / 2), ceil(w / 2))."""
        channels = x.shape[1]
        # The kernel is made in each call, because a non-persistent buffer is lost when a network is built on the meta
        # device.
        row = 2 - torch.arange(-1, 2, device=x.device).abs().to(x.dtype)
        kernel = (row[:, None] * row / 16).expand(channels, 1, 3, 3)
        return F.conv2d(reflect_pad(x, 1), kernel, stride=2, groups=channels)


class BlurUp(nn.Module):
    """Double height and width by bilinear interpolation; pixels at the border are repeated.

    It equals a transposed convolution with the kernel [1, 3, 3, 1] x [1, 3, 3, 1] / 16.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, 2 h, 2 w)."""
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
