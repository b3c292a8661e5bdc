"""AdaLIN and LIN (Kim et al. 2020, section 2.1.1, eq. 1); after them the norms that the ablations use instead."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ugbench.nn.across_ranks import SpansBatch
from ugbench.nn.instance_norm import instance_norm
from ugbench.nn.moments import EPS, channel_affine, instance_moments, pool_moments, upcast


class AdaLIN(nn.Module):
    """Adaptive layer-instance normalization: gamma * (rho * IN(x) + (1 - rho) * LN(x)) + beta (eq. 1).

    IN uses the mean and the variance of each channel over (h, w). LN uses those of each sample over (c, h, w).
    rho is one number in [0, 1] per channel: 1 gives instance norm, 0 gives layer norm. The layer is AdaLIN if gamma
    and beta come from the features of the image (`style`), and LIN if they are parameters of the layer.

    Args:
        channels: number of channels of the images.
        rho: the initial value of rho, or its constant value if it is not learnt.
        learn_rho: True if rho is a parameter.
        affine: True if gamma and beta are parameters of this layer; they start at 1 and 0. False if each call gives
            them.
        variance: how the variances are estimated.
    """

    def __init__(
        self, channels: int, rho: float, *, learn_rho: bool, affine: bool, variance: Variance = "unbiased"
    ) -> None:
        super().__init__()
        self.variance = variance
        self.initial_rho = rho
        self.rho = nn.Parameter(torch.full((channels,), rho)) if learn_rho else None
        self.gamma = nn.Parameter(torch.ones(channels)) if affine else None
        self.beta = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor, style: Style | None = None) -> Tensor:
        """Normalize images (n, c, h, w) to the same shape.

        Args:
            x: images.
            style: gamma and beta. Required if they are not parameters of the layer.
        Raises:
            ValueError: gamma and beta are neither parameters of the layer nor given.
        """
        mean, variance = instance_moments(x)
        if self.variance == "nested":
            variance = nested_variance(x, (2, 3))
        scale = _inverse_std(variance, x[0, 0].numel(), self.variance)
        offset = scale * mean
        if self.rho is not None or self.initial_rho != 1.0:
            rho = self.initial_rho if self.rho is None else self.rho.view(1, -1, 1, 1)
            layer_mean, layer_inverse_std = self.second_statistics(x, mean, variance)
            # IN(x) = scale * x - offset and LN(x) = inverse_std * (x - mean): eq. 1 mixes them per channel, before
            # the one pass over the pixels.
            scale = rho * scale + (1 - rho) * layer_inverse_std
            offset = rho * offset + (1 - rho) * layer_inverse_std * layer_mean
        if self.gamma is not None and self.beta is not None:
            gamma, beta = self.gamma.view(1, -1, 1, 1), self.beta.view(1, -1, 1, 1)
        elif style is not None:
            gamma, beta = style[0][..., None, None], style[1][..., None, None]
        else:
            raise ValueError("this norm has no gamma and beta of its own, and none were given")
        return channel_affine(x, gamma * scale, beta - gamma * offset)

    def second_statistics(self, x: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and 1 / sqrt(variance + eps) of the norm that is mixed with IN, shaped to broadcast over (n, c, h, w).

        Here this norm is layer norm. The classes for the ablations have another one.

        Args:
            x: images (n, c, h, w).
            mean, variance: of each channel of each sample, (n, c, 1, 1); the variance is biased.
        """
        layer_mean, layer_variance = pool_moments(mean, variance, 1)
        if self.variance == "nested":
            layer_variance = nested_variance(x, (1, 2, 3))
        return layer_mean, _inverse_std(layer_variance, x[0].numel(), self.variance)


class GroupInstanceNorm(AdaLIN):
    """AdaLIN with group norm in place of layer norm; it is group norm (Wu and He 2018) if rho is fixed at 0.

    Args:
        groups: largest number of groups. The largest number up to it that divides the channels is used.
    """

    def __init__(
        self,
        channels: int,
        rho: float,
        *,
        learn_rho: bool,
        affine: bool,
        variance: Variance = "unbiased",
        groups: int = 32,
    ) -> None:
        super().__init__(channels, rho, learn_rho=learn_rho, affine=affine, variance=variance)
        self.groups = max(g for g in range(1, min(groups, channels) + 1) if channels % g == 0)

    def second_statistics(self, x: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """The statistics of group norm; arguments and shapes as in AdaLIN."""
        n, c, h, w = x.shape
        grouped = (n, self.groups, c // self.groups, 1)
        pooled = pool_moments(mean.reshape(grouped), variance.reshape(grouped), 2)
        group_mean, group_variance = (moment.expand(grouped).reshape(n, c, 1, 1) for moment in pooled)
        return group_mean, _inverse_std(group_variance, c // self.groups * h * w, self.variance)


class BatchInstanceNorm(SpansBatch, AdaLIN):
    """AdaLIN with batch norm in place of layer norm (Nam and Kim 2018; their rho is 1 - rho here).

    Where several ranks train together, the statistics are those of the whole batch. In eval mode batch norm uses
    running statistics, so that no output depends on the other images of its batch.
    """

    momentum = 0.1
    running_mean: Tensor
    running_variance: Tensor

    def __init__(
        self, channels: int, rho: float, *, learn_rho: bool, affine: bool, variance: Variance = "unbiased"
    ) -> None:
        super().__init__(channels, rho, learn_rho=learn_rho, affine=affine, variance=variance)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))

    def second_statistics(self, x: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """The statistics of batch norm; arguments and shapes as in AdaLIN."""
        n, c, h, w = x.shape
        if not self.training:
            # The running variance already has its correction.
            return self.running_mean.view(1, c, 1, 1), _inverse_std(self.running_variance.view(1, c, 1, 1), 0, "biased")
        batch_mean, batch_variance = pool_moments(mean, variance, 0, self.ranks)
        count = self.ranks.count * n * h * w
        with torch.no_grad():
            corrected = batch_variance * _correction(count, self.variance)
            self.running_mean.lerp_(batch_mean.flatten().to(self.running_mean.dtype), self.momentum)
            self.running_variance.lerp_(corrected.flatten().to(self.running_variance.dtype), self.momentum)
        return batch_mean, _inverse_std(batch_variance, count, self.variance)


SecondNorm = Literal["layer", "group", "batch"]
"""The norm that is mixed with instance norm."""
Variance = Literal["unbiased", "biased", "nested"]
"""The sum of squared deviations divided by the count - 1, or by the count; "nested" is `nested_variance`."""
Style = tuple[Tensor, Tensor]
"""gamma and beta, each (n, c)."""


def make_rho_norm(
    second: SecondNorm, channels: int, rho: float, *, learn_rho: bool, affine: bool, variance: Variance
) -> AdaLIN:
    """The norm that mixes instance norm with `second`; the other arguments are those of AdaLIN.

    Raises:
        ValueError: the variances are nested and `second` is not "layer".
    """
    if variance == "nested" and second != "layer":
        raise ValueError("nested variances are defined for AdaLIN and LIN only")
    norm: type[AdaLIN] = {"layer": AdaLIN, "group": GroupInstanceNorm, "batch": BatchInstanceNorm}[second]
    return norm(channels, rho, learn_rho=learn_rho, affine=affine, variance=variance)


@torch.no_grad()
def clip_rho(rho: Tensor) -> None:
    """Clip rho to [0, 1] in place, as the paper does after each update."""
    rho.clamp_(0.0, 1.0)


class InstanceNorm(nn.Module):
    """The encoder's norm: `instance_norm`, then gamma and beta for each channel if `affine`; no state otherwise."""

    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels)) if affine else None
        self.beta = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize images (n, c, h, w) to the same shape."""
        return instance_norm(x, self.gamma, self.beta)


def nested_variance(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The unbiased variance along the first of `dims`, then the variance of the result along the next, and so on.

    The dimensions `dims` become 1. The authors' PyTorch code computed this in place of a variance before 2019-08-27
    (its commit f7a4b59).
    """
    x = upcast(x)
    for dim in dims:
        x = x.var(dim, keepdim=True)
    return x


def _inverse_std(biased_variance: Tensor, count: int, kind: Variance) -> Tensor:
    """1 / sqrt(variance + eps), with the variance of `count` pixels corrected as `kind` says."""
    return torch.rsqrt(biased_variance * _correction(count, kind) + EPS)


def _correction(count: int, kind: Variance) -> float:
    """The factor that makes a biased variance of `count` values unbiased, or 1."""
    return count / (count - 1) if kind == "unbiased" and count > 1 else 1.0
