"""Layer norm of images as in the public code of MUNIT and UNIT (Huang et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ugbench.nn.moments import EPS, channel_affine, instance_moments, pool_moments


class ImageLayerNorm(nn.Module):
    """gamma * (x - mean) / (std + 1e-5) + beta; mean and std are over (c, h, w) of each sample.

    gamma and beta have one number per channel. Three things differ from torch's layer norm: the standard deviation
    is unbiased, eps is added to it and not to the variance, and gamma starts from U(0, 1) (beta starts at 0).

    Args:
        channels: number of channels of the images.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape and type."""
        mean, variance = pool_moments(*instance_moments(x), dim=1)
        count = x[0].numel()
        # The clamp keeps the gradient of the square root finite for a constant sample; no other sample is affected.
        std = (variance * (count / (count - 1))).clamp(min=1e-20).sqrt()
        scale = self.gamma.view(1, -1, 1, 1) / (std + EPS)
        return channel_affine(x, scale, self.beta.view(1, -1, 1, 1) - mean * scale)
