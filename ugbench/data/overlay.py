"""Heat maps over the images they were read from."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def overlay(image: Tensor, heat: Tensor, opacity: float = 0.5) -> Tensor:
    """Blend a heat map, stretched to its own minimum and maximum, over an image.

    Args:
        image: uint8 (3, h, w).
        heat: float (1, h', w'), any range; enlarged to the image bilinearly. A constant map is drawn cold.
        opacity: of the colours, 0 to 1.
    Returns:
        uint8 (3, h, w).
    """
    from matplotlib import colormaps

    height, width = image.shape[1:]
    large = stretch(heat[None], (height, width))[0, 0]
    colours = torch.from_numpy(colormaps["inferno"](large.numpy())[..., :3]).permute(2, 0, 1) * 255
    return ((1 - opacity) * image + opacity * colours).round().clamp(0, 255).to(torch.uint8)


def stretch(heat: Tensor, size: tuple[int, int]) -> Tensor:
    """Heat maps from their own minimum, 0, to their own maximum, 1, enlarged bilinearly; what overlays show.

    Args:
        heat: float (n, 1, h, w), any range. A constant map becomes 0.
        size: height and width to enlarge to, px.
    Returns:
        float32 (n, 1, *size) in [0, 1].
    """
    heat = heat.float()
    low, high = heat.amin((2, 3), keepdim=True), heat.amax((2, 3), keepdim=True)
    unit = torch.where(high > low, (heat - low) / (high - low).clamp(min=torch.finfo(heat.dtype).tiny), 0.0)
    return F.interpolate(unit, size=size, mode="bilinear", align_corners=False)
