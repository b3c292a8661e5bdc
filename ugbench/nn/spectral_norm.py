"""Spectral normalisation (Miyato et al. 2018, algorithm 1): layers whose weight has a spectral norm near 1.

The weight is kept as it is, and sigma, its estimated spectral norm, divides the layer's output instead: the
same result without a copy of the weight. A forward pass in training makes one power iteration, v before u; in
eval mode the stored u and v are used as they are. Call a layer once a phase to iterate once a phase.
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-12


class _SpectralNorm(nn.Module):
    """Buffers u (out,) and v (in,) for a `weight` seen as a matrix (out, in), and the estimate of its norm.

    Subclasses also derive from a layer that has `weight`. u and v start as random unit vectors.
    """

    weight: Tensor
    u: Tensor
    v: Tensor

    def _start(self) -> None:
        matrix = self.weight.detach().flatten(1)
        for name, length in (("u", matrix.shape[0]), ("v", matrix.shape[1])):
            start = torch.randn(length, device=matrix.device, dtype=matrix.dtype)
            self.register_buffer(name, F.normalize(start, dim=0, eps=EPS))

    def sigma(self) -> Tensor:
        """The estimated spectral norm u . (W v), a scalar; in training after one power iteration.

        It has a gradient in W, for which u and v count as constants.
        """
        matrix = self.weight.flatten(1)
        # Autocast would run the iteration in bfloat16; the meta device has none.
        with nullcontext() if matrix.is_meta else torch.autocast(matrix.device.type, enabled=False):
            if not self.training:
                return torch.dot(self.u, torch.mv(matrix, self.v))
            with torch.no_grad():
                v = F.normalize(torch.mv(matrix.t(), self.u), dim=0, eps=EPS)
            image = torch.mv(matrix, v)
            u = F.normalize(image.detach(), dim=0, eps=EPS)
            # The graph holds these u and v, never the buffers, so a later iteration cannot spoil a gradient.
            with torch.no_grad():
                self.u.copy_(u)
                self.v.copy_(v)
            return torch.dot(u, image)


class SpectralConv2d(_SpectralNorm, nn.Conv2d):
    """nn.Conv2d, without padding of its own, whose weight is divided by its spectral norm."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(channels, out_channels, kernel, stride, bias=bias)
        self._start()

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, out_channels, h', w')."""
        out = F.conv2d(x, self.weight, None, self.stride)
        inverse = (1 / self.sigma()).to(out.dtype)
        if self.bias is None:
            return out * inverse
        return torch.addcmul(self.bias.to(out.dtype).view(-1, 1, 1), out, inverse)


class SpectralLinear(_SpectralNorm, nn.Linear):
    """nn.Linear whose weight is divided by its spectral norm."""

    def __init__(self, features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(features, out_features, bias=bias)
        self._start()

    def forward(self, x: Tensor) -> Tensor:
        """(n, features) to (n, out_features)."""
        out = F.linear(x, self.weight)
        out = out / self.sigma().to(out.dtype)
        return out if self.bias is None else out + self.bias.to(out.dtype)
