"""Patchwise contrast (Park et al. 2020): a patch of an output against the patches of the input that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from ugbench.nn.moments import upcast

EPS = 1e-7


class Projection(nn.ModuleList):
    """A multilayer perceptron a tapped layer, from features of a patch to a point on the unit sphere."""

    def __init__(self, widths: Sequence[int], channels: int) -> None:
        super().__init__(
            nn.Sequential(nn.Linear(width, channels), nn.ReLU(), nn.Linear(channels, channels)) for width in widths
        )

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Maps (n, width, h, w), a layer each, at row-major places (p,), to (n, p, channels) of norm 1, float32."""
        found = []
        for mlp, features, place in zip(self, maps, places, strict=True):
            point = upcast(mlp(features.flatten(2).index_select(2, place).transpose(1, 2)))
            # The public code adds to the norm, and norms of 1e-4 are common at the start.
            found.append(point / (torch.linalg.vector_norm(point, dim=2, keepdim=True) + EPS))
        return found


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """InfoNCE: mean cross-entropy of telling each query's own key from its image's other keys (Park et al., eq. 3).

    Args:
        queries, keys: (n, p, c), of norm 1; place i of one belongs to place i of the other.
    """
    # Autocast would round the similarities to bfloat16, an error of 0.05 after the division.
    with nullcontext() if queries.is_meta else torch.autocast(queries.device.type, enabled=False):
        similar = queries @ keys.transpose(1, 2) / temperature
        return (similar.logsumexp(2) - similar.diagonal(dim1=1, dim2=2)).mean()


def places_of(draws: Tensor, patches: int) -> Tensor:
    """The first `patches` of a random order of a layer's positions, from a uniform number each: no place twice."""
    return draws.argsort(stable=True)[:patches]
