"""Normalisation as one affine map a channel: y = scale * x + shift, with scale and shift made from moments.

The mean and variance of every channel of every sample are read off in one pass. Moments over more (all
channels of a sample, groups of channels, a batch) are pooled from those, (n, c) numbers at a time; whatever a
norm mixes, scales and shifts is folded likewise, before the one pass that applies it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

EPS = 1e-5


def instance_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over space of images (n, c, h, w), each (n, c, 1, 1); float32 or wider."""
    x = widen(x)
    if torch.compiler.is_compiling():
        variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        return mean, variance
    mean, variance = _InstanceMoments.apply(x)
    return mean, variance


def pool_moments(mean: Tensor, variance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Moments of the union of equally large parts along `dim`, kept as length 1; variances are biased."""
    pooled = mean.mean(dim, keepdim=True)
    return pooled, (variance + (mean - pooled).square()).mean(dim, keepdim=True)


def channel_affine(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """scale * x + shift of images (n, c, h, w) by (n, c, 1, 1), in the dtype of x."""
    return torch.addcmul(shift, widen(x), scale).to(x.dtype)


class _InstanceMoments(torch.autograd.Function):
    """The moments, with a backward pass of one addition and one product a pixel (autograd's own makes four).

    A compiler fuses the plain form by itself.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.device.type == "cpu":
            # Group norm's kernel finds them several times as fast as var_mean does.
            n, c, h, w = x.shape
            _, mean, inverse = torch.native_group_norm(x, None, None, n, c, h * w, c, EPS)
            mean, variance = mean.view(n, c, 1, 1), (inverse.pow(-2) - EPS).view(n, c, 1, 1)
        else:
            variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        ctx.save_for_backward(x, mean)
        return mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, mean = ctx.saved_tensors
        to_mean, to_variance = gradients
        # d mean / dx = 1 / hw and d variance / dx = 2 (x - mean) / hw.
        area = x.shape[2] * x.shape[3]
        slope = to_variance * (2 / area)
        return torch.addcmul(to_mean / area - slope * mean, x, slope)


def widen(x: Tensor) -> Tensor:
    """The tensor in float32 where it is in half precision; float32 and float64 stay."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
