"""Reflection and replication padding that can be deterministic on a GPU."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.autocasting import without_autocast

_LARGE = 1 << 16
"""On a CPU, gradients with more numbers than this go back through reflection padding by `_reflect_back`. It is two to
ten times as fast as PyTorch's own kernel for large images, and slower for small ones."""


def reflect_pad(x: Tensor, width: int) -> Tensor:
    """Pad images (n, c, h, w) on all four sides with `width` mirrored pixels; the border pixel is not repeated.

    Raises:
        RuntimeError: h or w is not greater than `width`.
    """
    # The backward pass of CUDA's reflection padding uses atomic additions, and raises in deterministic mode.
    if x.is_cuda and torch.are_deterministic_algorithms_enabled():
        return mirror_pad(x, width)
    if not x.requires_grad or torch.compiler.is_compiling():
        return _pad(x, width, "reflect")
    padded: Tensor = _ReflectPad.apply(x, width)
    return padded


def mirror_pad(x: Tensor, width: int) -> Tensor:
    """The same as `reflect_pad`, by flips and concatenation; deterministic on each device, with its gradient."""
    for dim in (-1, -2):
        size = x.shape[dim]
        if width >= size:
            raise RuntimeError(f"reflection by {width} px needs more than {width} px, not {size}")
        leading = x.narrow(dim, 1, width).flip(dim)
        trailing = x.narrow(dim, size - 1 - width, width).flip(dim)
        x = torch.cat((leading, x, trailing), dim)
    return x


def replicate_pad(x: Tensor, width: int) -> Tensor:
    """Pad images (n, c, h, w) on all four sides with `width` copies of the border pixel."""
    # The backward pass of CUDA's replication padding uses atomic additions too. And torch.compile expects the padding
    # to keep the layout of its input, but where the compiler has chosen channels-last, the padding changes it.
    is_deterministic = x.is_cuda and torch.are_deterministic_algorithms_enabled()
    if not (is_deterministic or torch.compiler.is_compiling()):
        return _pad(x, width, "replicate")
    for dim in (-1, -2):
        leading, trailing = x.narrow(dim, 0, 1), x.narrow(dim, x.shape[dim] - 1, 1)
        x = torch.cat((*[leading] * width, x, *[trailing] * width), dim)
    return x


def _pad(x: Tensor, width: int, mode: str) -> Tensor:
    """PyTorch's own padding, in the type of the images: on a CPU autocast would upcast bfloat16 to float32 for it."""
    with without_autocast(x):
        return F.pad(x, (width, width, width, width), mode=mode)


class _ReflectPad(torch.autograd.Function):
    """Reflection padding of which the graph keeps no tensor; PyTorch's own keeps its input, for the shape alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, width: int) -> Tensor:
        ctx.shape, ctx.width = x.shape, width
        return _pad(x, width, "reflect")

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        if gradient.device.type == "cpu" and gradient.numel() > _LARGE:
            return _reflect_back(gradient, ctx.width), None
        shape_only = gradient.new_empty(()).expand(ctx.shape)
        return torch.ops.aten.reflection_pad2d_backward(gradient, shape_only, [ctx.width] * 4), None


def _reflect_back(gradient: Tensor, width: int) -> Tensor:
    """The gradient of the images (n, c, h, w) whose padded form has this gradient; width >= 1."""

    def fold(strip: Tensor) -> Tensor:
        """The same along the last dimension alone."""
        folded = strip[..., width:-width].clone(memory_format=torch.contiguous_format)
        folded[..., 1 : width + 1] += strip[..., :width].flip(-1)
        folded[..., -width - 1 : -1] += strip[..., -width:].flip(-1)
        return folded

    inner = fold(gradient[:, :, width:-width])
    inner[:, :, 1 : width + 1] += fold(gradient[:, :, :width]).flip(2)
    inner[:, :, -width - 1 : -1] += fold(gradient[:, :, -width:]).flip(2)
    return inner


class ReflectionPad(nn.Module):
    """`reflect_pad` as a module without state, for nn.Sequential."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h + 2 width, w + 2 width)."""
        return reflect_pad(x, self.width)

    def extra_repr(self) -> str:
        """The width, for the printed form of the module."""
        return str(self.width)
