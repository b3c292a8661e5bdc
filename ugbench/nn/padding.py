"""Reflection padding that can be deterministic on a GPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def reflect_pad(x: Tensor, width: int) -> Tensor:
    """Images (n, c, h, w) with `width` mirrored pixels more on all four sides; the border is not repeated.

    Raises:
        RuntimeError: `width` is not below h and w.
    """
    # The backward pass of CUDA's own reflection adds with atomics, and raises where determinism is asked for.
    if x.is_cuda and torch.are_deterministic_algorithms_enabled():
        return mirror_pad(x, width)
    return F.pad(x, (width, width, width, width), mode="reflect")


def mirror_pad(x: Tensor, width: int) -> Tensor:
    """What `reflect_pad` gives, by flips and concatenation: deterministic on any device, gradients too."""
    for dim in (-1, -2):
        size = x.shape[dim]
        if width >= size:
            raise RuntimeError(f"reflection by {width} px needs more than {width} px, not {size}")
        before = x.narrow(dim, 1, width).flip(dim)
        after = x.narrow(dim, size - 1 - width, width).flip(dim)
        x = torch.cat((before, x, after), dim)
    return x


class ReflectionPad(nn.Module):
    """`reflect_pad` as a module, for nn.Sequential; it has no state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h + 2 width, w + 2 width)."""
        return reflect_pad(x, self.width)

    def extra_repr(self) -> str:
        """The width."""
        return str(self.width)
