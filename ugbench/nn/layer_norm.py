"""Layer norm of images as MUNIT and UNIT have it (Huang et al. 2018; torch's own differs in three ways)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ugbench.nn.moments import EPS, channel_affine, instance_moments, pool_moments


class ImageLayerNorm(nn.Module):
    """gamma * (x - mean) / (std + 1e-5) + beta, with the moments of a whole sample, gamma and beta a channel.

    The standard deviation is unbiased, eps is added to it rather than under the root, and gamma starts from
    U(0, 1), beta from 0. Samples of a batch do not meet.

    Args:
        channels: of the images.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape and type."""
        mean, variance = pool_moments(*instance_moments(x), dim=1)
        count = x[0].numel()
        # The clamp keeps the root's slope finite where a sample is constant; no other sample comes near it.
        std = (variance * (count / (count - 1))).clamp(min=1e-20).sqrt()
        scale = self.gamma.view(1, -1, 1, 1) / (std + EPS)
        return channel_affine(x, scale, self.beta.view(1, -1, 1, 1) - mean * scale)
