"""Nearest-neighbour upsampling by 2 and a 3x3 convolution in one layer, with 4/9 of the multiplications.

The pixels of an upsampled image are equal in blocks of 2x2. So a 3x3 kernel meets only 2x2 different pixels. Which of
its weights meet the same pixel depends on whether the row and the column of the output are even or odd. For each of
these four parities the sums of such weights are a 2x2 kernel for the small image. The four kernels are applied as one
convolution with four times the output channels.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.padding import replicate_pad

EVEN, ODD = 0, 1


class UpsampleConv2d(nn.Conv2d):
    """Doubles height and width: nearest-neighbour upsampling, reflection padding by 1 px, 3x3 convolution.

    The result is that of these operations one after the other, up to rounding, and the parameters are those of the
    convolution: a weight (out_channels, channels, 3, 3) and, with `bias`, a bias (out_channels,).
    """

    def __init__(self, channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(channels, out_channels, 3, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to (n, out_channels, 2 h, 2 w)."""
        bias = None if self.bias is None else self.bias.repeat(4)
        # The pixel beside a border pixel of the upsampled image equals it, so reflection by 1 px repeats the border.
        parities = F.conv2d(replicate_pad(x, 1), self._kernels(), bias)
        if torch.compiler.is_compiling():
            return _interleave(parities)
        output: Tensor = _Interleave.apply(parities)
        return output

    def _kernels(self) -> Tensor:
        """(4 * out_channels, channels, 2, 2): for outputs in even rows and even columns, even and odd, odd and even,
        odd and odd.

        The sums have the precision of the weight; autocast rounds them once, when they enter the convolution.
        """
        return torch.cat([kernel for rows in _sums(self.weight, 2) for kernel in _sums(rows, 3)])


def _sums(weight: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The three weights along `dim`, with those summed that meet the same pixel: for even and for odd outputs."""
    first, middle, last = weight.split(1, dim)
    return torch.cat((first, middle + last), dim), torch.cat((first + middle, last), dim)


def _interleave(parities: Tensor) -> Tensor:
    """The image (n, c, 2 h, 2 w) of the four parities (n, 4 c, h + 1, w + 1).

    Kernels for even rows begin a pixel above the output's pixel and kernels for odd rows at it. So even rows are the
    first h of the convolution and odd rows the last h; likewise for columns.
    """
    n, channels, height, width = parities.shape
    c, h, w = channels // 4, height - 1, width - 1
    grid = parities.view(n, 2, 2, c, height, width)
    rows = [
        torch.stack([grid[:, row, column, :, row : row + h, column : column + w] for column in (EVEN, ODD)], -1)
        for row in (EVEN, ODD)
    ]
    return torch.stack(rows, 3).view(n, c, 2 * h, 2 * w)


class _Interleave(torch.autograd.Function):
    """`_interleave` with a backward pass that writes each pixel once; autograd's own fills and adds four images."""

    @staticmethod
    def forward(ctx: Any, parities: Tensor) -> Tensor:  # noqa: ARG004
        return _interleave(parities)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        (gradient,) = gradients
        n, c, h, w = gradient.shape[0], gradient.shape[1], gradient.shape[2] // 2, gradient.shape[3] // 2
        grid = gradient.new_empty(n, 2, 2, c, h + 1, w + 1)
        for row in (EVEN, ODD):
            for column in (EVEN, ODD):
                parity = grid[:, row, column]
                parity[:, :, row : row + h, column : column + w] = gradient[:, :, row::2, column::2]
                parity[:, :, h if row == EVEN else 0].zero_()  # the row and the column that the image does not show
                parity[:, :, :, w if column == EVEN else 0].zero_()
        return grid.view(n, 4 * c, h + 1, w + 1)
