"""PatchNCE (Park et al. 2020, section 3): a contrastive loss between patches of an output and of its input."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ugbench.nn.moments import upcast

EPS = 1e-7


class Projection(nn.ModuleList):
    """One two-layer perceptron per layer of the loss: it maps the features of a patch to a vector of norm 1.

    Args:
        widths: number of channels of the features of each layer.
        channels: length of the projected vectors.
    """

    def __init__(self, widths: Sequence[int], channels: int) -> None:
        super().__init__(
            nn.Sequential(nn.Linear(width, channels), nn.ReLU(), nn.Linear(channels, channels)) for width in widths
        )

    def forward(self, features: Sequence[Tensor], positions: Sequence[Tensor]) -> list[Tensor]:
        """Project patches.

        Args:
            features: (n, width, h, w) of each layer.
            positions: (p,) of each layer, row-major indices of the patches.
        Returns:
            (n, p, channels) of each layer, of norm 1, in float32 or float64.
        """
        projections = []
        for mlp, layer_features, layer_positions in zip(self, features, positions, strict=True):
            vectors = upcast(mlp(layer_features.flatten(2).index_select(2, layer_positions).transpose(1, 2)))
            # As in the public code, eps is added to the norm. It matters, since norms of 1e-4 are common at the start.
            projections.append(vectors / (torch.linalg.vector_norm(vectors, dim=2, keepdim=True) + EPS))
        return projections


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """PatchNCE loss (Park et al., eq. 3): mean cross-entropy of finding a query's key among all keys of its image.

    Args:
        queries, keys: (n, p, c), of norm 1. The key of query i is key i of the same image.
        temperature: divides the similarities.
    """
    similarities = queries @ keys.transpose(1, 2) / temperature
    return (similarities.logsumexp(2) - similarities.diagonal(dim1=1, dim2=2)).mean()


def sample_positions(draws: Tensor, patches: int) -> Tensor:
    """Sample positions of a layer without replacement.

    Args:
        draws: (h * w,), one uniform random number per position.
        patches: number of positions to sample; all if the layer has fewer.
    Returns:
        Row-major indices, in random order.
    """
    return draws.argsort(stable=True)[:patches]
