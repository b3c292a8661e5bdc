"""Spectral normalisation (Miyato et al. 2018, algorithm 1): layers that divide their weight by its spectral norm.

Instead of the weight, the output of the layer is divided by sigma, the estimated spectral norm. The result is the
same and no copy of the weight is made. In training each forward pass makes one power iteration, first v, then u. In
eval mode the stored u and v are used unchanged.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.autocasting import without_autocast

EPS = 1e-12


class _SpectralNorm(nn.Module):
    """The estimate of the spectral norm of `weight` as a matrix (out, in), with the buffers u (out,) and v (in,).

    A subclass also derives from a layer that has `weight`. u and v start as random unit vectors.
    """

    weight: Tensor
    u: Tensor
    v: Tensor

    def _init_vectors(self) -> None:
        matrix = self.weight.detach().flatten(1)
        for name, length in (("u", matrix.shape[0]), ("v", matrix.shape[1])):
            vector = torch.randn(length, device=matrix.device, dtype=matrix.dtype)
            self.register_buffer(name, F.normalize(vector, dim=0, eps=EPS))

    def sigma(self) -> Tensor:
        """The estimated spectral norm u . (W v), a scalar; in training it is computed after one power iteration.

        It has a gradient with respect to W, in which u and v are constants.
        """
        matrix = self.weight.flatten(1)
        with without_autocast(matrix):  # which would run the iteration in bfloat16
            if not self.training:
                return torch.dot(self.u, torch.mv(matrix, self.v))
            with torch.no_grad():
                v = F.normalize(torch.mv(matrix.t(), self.u), dim=0, eps=EPS)
            product = torch.mv(matrix, v)
            u = F.normalize(product.detach(), dim=0, eps=EPS)
            # The graph holds these u and v and not the buffers, so that a later iteration cannot change a gradient.
            with torch.no_grad():
                self.u.copy_(u)
                self.v.copy_(v)
            return torch.dot(u, product)


class SpectralConv2d(_SpectralNorm, nn.Conv2d):
    """nn.Conv2d without padding, with a spectrally normalised weight."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(channels, out_channels, kernel, stride, bias=bias)
        self._init_vectors()

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, out_channels, h', w')."""
        out = F.conv2d(x, self.weight, None, self.stride)
        inverse = (1 / self.sigma()).to(out.dtype)
        if self.bias is None:
            return out * inverse
        return torch.addcmul(self.bias.to(out.dtype).view(-1, 1, 1), out, inverse)


class SpectralLinear(_SpectralNorm, nn.Linear):
    """nn.Linear with a spectrally normalised weight."""

    def __init__(self, features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(features, out_features, bias=bias)
        self._init_vectors()

    def forward(self, x: Tensor) -> Tensor:
        """(n, features) to (n, out_features)."""
        out = F.linear(x, self.weight)
        out = out / self.sigma().to(out.dtype)
        return out if self.bias is None else out + self.bias.to(out.dtype)
