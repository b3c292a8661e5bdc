"""Spectral normalisation (Miyato et al. 2018, algorithm 1): layers that divide their weight by its spectral norm.

Instead of the weight, the output of the layer is divided by sigma, the estimated spectral norm. The result is the
same and no copy of the weight is made. In training each forward pass makes one power iteration, first v, then u. In
eval mode the stored u and v are used unchanged.

A layer computes its sigma itself, or gets it from its network, which computes those of all its layers together with
`spectral_norms`. The vectors of all layers are then normalised at once, so a GPU runs a third of the operations.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.autocasting import without_autocast

EPS = 1e-12


class SpectralNorm(nn.Module):
    """A layer that divides its output by the estimated spectral norm of `weight` as a matrix (out, in).

    A subclass also derives from a layer that has `weight`. The buffers u (out,) and v (in,) start as random unit
    vectors.
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
        """The estimated spectral norm, a scalar; see `spectral_norms`."""
        return spectral_norms([self])[0]


def spectral_norms(layers: Sequence[SpectralNorm]) -> tuple[Tensor, ...]:
    """The estimated spectral norm u . (W v) of each layer, a scalar; in training after one power iteration.

    It has a gradient with respect to W, in which u and v are constants.

    Args:
        layers: all of them in training mode, or all in eval mode.
    """
    if not layers:
        return ()
    matrices = [layer.weight.flatten(1) for layer in layers]
    with without_autocast(matrices[0]):  # autocast would run the iteration in bfloat16
        if not layers[0].training:
            sigmas = [torch.dot(layer.u, matrix.mv(layer.v)) for layer, matrix in zip(layers, matrices, strict=True)]
            return tuple(sigmas)
        with torch.no_grad():
            v = _unit([matrix.t().mv(layer.u) for layer, matrix in zip(layers, matrices, strict=True)])
        products = [matrix.mv(vector) for matrix, vector in zip(matrices, v, strict=True)]
        # The graph holds these u and v and not the buffers, so that a later iteration cannot change a gradient.
        with torch.no_grad():
            u = _unit(products)
            torch._foreach_copy_([layer.u for layer in layers], u)
            torch._foreach_copy_([layer.v for layer in layers], v)
        return tuple(torch.dot(vector, product) for vector, product in zip(u, products, strict=True))


def _unit(vectors: list[Tensor]) -> list[Tensor]:
    """The vectors divided by their 2-norms."""
    norms = torch._foreach_clamp_min(torch._foreach_norm(vectors), EPS)
    return list(torch._foreach_div(vectors, norms))


class SpectralConv2d(SpectralNorm, nn.Conv2d):
    """nn.Conv2d without padding, with a spectrally normalised weight."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(channels, out_channels, kernel, stride, bias=bias)
        self._init_vectors()

    def forward(self, x: Tensor, sigma: Tensor | None = None) -> Tensor:
        """(n, channels, h, w) to (n, out_channels, h', w').

        Args:
            sigma: that of this layer from `spectral_norms`; None computes it.
        """
        out = F.conv2d(x, self.weight, None, self.stride)
        inverse = (1 / (self.sigma() if sigma is None else sigma)).to(out.dtype)
        if self.bias is None:
            return out * inverse
        return torch.addcmul(self.bias.to(out.dtype).view(-1, 1, 1), out, inverse)


class SpectralLinear(SpectralNorm, nn.Linear):
    """nn.Linear with a spectrally normalised weight."""

    def __init__(self, features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(features, out_features, bias=bias)
        self._init_vectors()

    def forward(self, x: Tensor, sigma: Tensor | None = None) -> Tensor:
        """(n, features) to (n, out_features); `sigma` as in SpectralConv2d."""
        out = F.linear(x, self.weight)
        out = out / (self.sigma() if sigma is None else sigma).to(out.dtype)
        return out if self.bias is None else out + self.bias.to(out.dtype)
