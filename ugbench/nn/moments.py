"""Normalisation as one affine map per channel: y = scale * x + shift, with scale and shift computed from moments.

One pass over the pixels computes the mean and the variance of each channel of each sample. Moments over more pixels
(all channels of a sample, a group of channels, a batch) are pooled from these (n, c) numbers. A norm's gamma, beta
and rho change these numbers too, so that one more pass over the pixels applies the whole norm.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ugbench.nn.across_ranks import ALONE, Ranks
from ugbench.nn.autocasting import without_autocast

EPS = 1e-5


def instance_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of images (n, c, h, w) over (h, w), each (n, c, 1, 1), in float32 or float64."""
    if torch.compiler.is_compiling():
        variance, mean = torch.var_mean(upcast(x), (2, 3), correction=0, keepdim=True)
        return mean, variance
    mean, variance = _InstanceMoments.apply(x)
    return mean, variance


def pool_moments(mean: Tensor, variance: Tensor, dim: int, ranks: Ranks = ALONE) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of the union of the parts along `dim`, which becomes 1. All parts have equal size.

    Args:
        ranks: the union includes the parts of all these ranks; each rank has equally many parts.
    """
    pooled = ranks.mean(mean.mean(dim, keepdim=True))
    return pooled, ranks.mean((variance + (mean - pooled).square()).mean(dim, keepdim=True))


def channel_affine(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """scale * x + shift for images (n, c, h, w) and (1 or n, c, 1, 1) scale and shift, in the dtype of x."""
    if x.device.type == "cpu" and not torch.compiler.is_compiling():
        return _affine_in_one_pass(x, scale, shift)
    if x.dtype == wide_dtype(x) or torch.compiler.is_compiling():
        return torch.addcmul(shift, upcast(x), scale).to(x.dtype)
    out: Tensor = _ChannelAffine.apply(x, scale, shift)
    return out


def _affine_in_one_pass(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """`channel_affine` on a CPU.

    It is batch norm of n * c channels with given statistics, 0 and 1. Its kernels read and write each pixel once,
    forward and backward, in the type of x, and compute in float32 or float64.
    """
    n, c, h, w = x.shape
    weight, bias = (factor.to(wide_dtype(x)).expand(n, c, 1, 1).reshape(-1) for factor in (scale, shift))
    zeros, ones = torch.zeros_like(weight), torch.ones_like(weight)
    with without_autocast(x):
        y = F.batch_norm(x.reshape(1, n * c, h, w), zeros, ones, weight, bias, training=False, momentum=0.0, eps=0.0)
    return y.view(n, c, h, w)


class _InstanceMoments(torch.autograd.Function):
    """The moments, with a backward pass of one product and one sum per pixel (autograd's own makes four).

    The graph keeps the images in their own type. Under torch.compile this is not used, because the compiler fuses the
    plain form itself.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> tuple[Tensor, Tensor]:
        if images.device.type == "cpu":
            # The kernel of group norm computes the moments several times as fast as var_mean does. With parameters in
            # float32 it gives them in float32, whatever the type of the images is.
            n, c, h, w = images.shape
            ones = torch.ones(c, dtype=wide_dtype(images))
            _, mean, inverse = torch.native_group_norm(images, ones, ones, n, c, h * w, c, EPS)
            mean, variance = mean.view(n, c, 1, 1), (inverse.pow(-2) - EPS).view(n, c, 1, 1)
        else:
            variance, mean = torch.var_mean(upcast(images), (2, 3), correction=0, keepdim=True)
        ctx.save_for_backward(images, mean)
        return mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        images, mean = ctx.saved_tensors
        mean_gradient, variance_gradient = gradients
        # d mean / dx = 1 / hw and d variance / dx = 2 (x - mean) / hw.
        area = images.shape[2] * images.shape[3]
        slope = variance_gradient * (2 / area)
        return channel_affine(images, slope, mean_gradient / area - slope * mean)


class _ChannelAffine(torch.autograd.Function):
    """The affine map of images in bfloat16 or float16; the graph keeps no copy of the images in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        ctx.save_for_backward(x, scale)
        ctx.shift_shape = shift.shape
        return torch.addcmul(shift, upcast(x), scale).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, scale = ctx.saved_tensors
        gradient = upcast(gradients[0])
        scale_gradient = (gradient * upcast(x)).sum_to_size(scale.shape)
        return (gradient * scale).to(x.dtype), scale_gradient, gradient.sum_to_size(ctx.shift_shape)


def upcast(x: Tensor) -> Tensor:
    """The tensor in float32 if it is in bfloat16 or float16; a float32 or float64 tensor is returned as it is."""
    return x.to(wide_dtype(x))


def wide_dtype(x: Tensor) -> torch.dtype:
    """The type of `upcast(x)`, without a copy of the tensor."""
    return torch.float32 if x.dtype in (torch.bfloat16, torch.float16) else x.dtype
