"""AdaLIN and LIN (Kim et al. 2020, eq. 1), and what the ablations put in their place."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.moments import EPS, channel_affine, instance_moments, pool_moments, widen

Mixed = Literal["layer", "group", "batch"]
Variance = Literal["unbiased", "biased", "nested"]
"""Divided by the count less one; by the count; or the variance along one axis of the variances along others."""
Style = tuple[Tensor, Tensor]
"""gamma and beta, each (n, c)."""


def instance_norm(x: Tensor) -> Tensor:
    """Instance norm of images (n, c, h, w): biased variance, eps 1e-5, no scale or running statistics."""
    # The kernel for groups of one channel does the same work as F.instance_norm's in half the time on a CPU.
    return F.group_norm(x, x.shape[1], eps=EPS)


class InstanceNorm(nn.Module):
    """`instance_norm`, with a scale and a shift a channel where `affine`; without, it has no state."""

    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels)) if affine else None
        self.beta = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to the same shape."""
        y = instance_norm(x)
        if self.gamma is None or self.beta is None:
            return y
        return channel_affine(y, self.gamma.view(1, -1, 1, 1), self.beta.view(1, -1, 1, 1))


def nested_variance(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The unbiased variance along the last of `dims` of the variances along those before; `dims` become 1.

    The authors' PyTorch code had this in place of a variance before 2019-08-27 (its commit f7a4b59).
    """
    x = widen(x)
    for dim in dims:
        x = x.var(dim, keepdim=True)
    return x


class MixedNorm(nn.Module):
    """gamma * (rho * IN(x) + (1 - rho) * other(x)) + beta, rho per channel: the share of instance norm.

    With layer norm (over c, h, w of one sample) as the other it is AdaLIN where gamma and beta come from the
    features, and LIN where they are its own. Both norms, rho, gamma and beta become one scale and one shift.

    Args:
        channels: of the images.
        other: the norm that instance norm is mixed with. "batch" uses running statistics in eval mode, so
            that no output depends on its neighbours.
        rho: what rho starts at.
        learnt: whether rho is a parameter; otherwise it stays what it is.
        own_affine: whether gamma and beta are parameters of this layer; otherwise each call brings them.
        variance: how variances are taken; "nested" goes with "layer" alone.
        groups: the most groups of "group"; the largest number up to it that divides the channels is used.
    """

    momentum = 0.1
    running_mean: Tensor
    running_variance: Tensor

    def __init__(
        self,
        channels: int,
        other: Mixed,
        rho: float,
        *,
        learnt: bool,
        own_affine: bool,
        variance: Variance,
        groups: int = 32,
    ) -> None:
        super().__init__()
        if variance == "nested" and other != "layer":
            raise ValueError(f"nested variances go with layer norm, not with {other} norm")
        self.other = other
        self.variance = variance
        self.start = rho
        self.groups = max(g for g in range(1, min(groups, channels) + 1) if channels % g == 0)
        self.rho = nn.Parameter(torch.full((channels,), rho)) if learnt else None
        self.gamma = nn.Parameter(torch.ones(channels)) if own_affine else None
        self.beta = nn.Parameter(torch.zeros(channels)) if own_affine else None
        if other == "batch":
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_variance", torch.ones(channels))

    def forward(self, x: Tensor, style: Style | None = None) -> Tensor:
        """(n, c, h, w) to the same shape; `style` is gamma and beta where the layer has none of its own."""
        mean, variance = instance_moments(x)
        area = x.shape[2] * x.shape[3]
        rho = self.start if self.rho is None else self.rho.view(1, -1, 1, 1)
        # rho * IN(x) + (1 - rho) * other(x) = slope * x - offset.
        nested = self.variance == "nested"
        slope = self._inverse_deviation(nested_variance(x, (2, 3)) if nested else variance, area)
        offset = slope * mean
        if isinstance(rho, Tensor) or rho != 1.0:
            other_mean, other_variance, count = self._other_moments(mean, variance, area)
            if nested:
                other_variance = nested_variance(x, (1, 2, 3))
            other_slope = self._inverse_deviation(other_variance, count)
            slope = rho * slope + (1 - rho) * other_slope
            offset = rho * offset + (1 - rho) * other_slope * other_mean
        gamma, beta = self._gamma_beta(style)
        scale = gamma * slope
        return channel_affine(x, scale, beta - gamma * offset)

    @torch.no_grad()
    def clip_rho(self) -> None:
        """Project rho onto [0, 1], as after every update."""
        if self.rho is not None:
            self.rho.clamp_(0.0, 1.0)

    def _other_moments(self, mean: Tensor, variance: Tensor, area: int) -> tuple[Tensor, Tensor, int]:
        """Mean and biased variance of the other norm, shaped to broadcast, and how many pixels each is of."""
        n, c = mean.shape[:2]
        if self.other == "layer":
            return *pool_moments(mean, variance, 1), c * area
        if self.other == "group":
            grouped = (n, self.groups, c // self.groups, 1)
            pooled = pool_moments(mean.reshape(grouped), variance.reshape(grouped), 2)
            mean, variance = (moment.expand(grouped).reshape(n, c, 1, 1) for moment in pooled)
            return mean, variance, c // self.groups * area
        if not self.training:
            # The running variance is kept as it is to be used.
            return self.running_mean.view(1, c, 1, 1), self.running_variance.view(1, c, 1, 1), 0
        mean, variance = pool_moments(mean, variance, 0)
        with torch.no_grad():
            used = variance * self._correction(n * area)
            self.running_mean.lerp_(mean.flatten().to(self.running_mean.dtype), self.momentum)
            self.running_variance.lerp_(used.flatten().to(self.running_variance.dtype), self.momentum)
        return mean, variance, n * area

    def _inverse_deviation(self, variance: Tensor, count: int) -> Tensor:
        return torch.rsqrt(variance * self._correction(count) + EPS)

    def _correction(self, count: int) -> float:
        return count / (count - 1) if self.variance == "unbiased" and count > 1 else 1.0

    def _gamma_beta(self, style: Style | None) -> Style:
        if self.gamma is not None and self.beta is not None:
            return self.gamma.view(1, -1, 1, 1), self.beta.view(1, -1, 1, 1)
        if style is None:
            raise ValueError("this norm has no gamma and beta of its own, and none were given")
        gamma, beta = style
        return gamma[..., None, None], beta[..., None, None]
