"""Attention maps drawn over images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def overlay(image: Tensor, attention_map: Tensor) -> Tensor:
    """The mean of an image and an attention map's colours. The map's minimum is darkest and its maximum brightest.

    Args:
        image: uint8 (3, h, w).
        attention_map: float (1, h', w'), any range; enlarged to the image bilinearly. A constant map is all dark.
    Returns:
        uint8 (3, h, w).
    """
    from matplotlib import colormaps

    height, width = image.shape[1:]
    unit = stretch(attention_map[None], (height, width))[0, 0]
    colours = torch.from_numpy(colormaps["inferno"](unit.numpy())[..., :3]).permute(2, 0, 1) * 255
    return (0.5 * image + 0.5 * colours).round().clamp(0, 255).to(torch.uint8)


def stretch(attention_maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Attention maps scaled to [0, 1], each by its own minimum and maximum, and enlarged bilinearly.

    Args:
        attention_maps: float (n, 1, h, w), any range. A constant map becomes 0.
        size: height and width of the result, px.
    Returns:
        float32 (n, 1, *size) in [0, 1].
    """
    maps = attention_maps.float()
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    unit = torch.where(high > low, (maps - low) / (high - low).clamp(min=torch.finfo(maps.dtype).tiny), 0.0)
    return F.interpolate(unit, size=size, mode="bilinear", align_corners=False)
