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

    heat = heat.float()
    low, high = heat.min(), heat.max()
    unit = (heat - low) / (high - low) if high > low else torch.zeros_like(heat)
    large = F.interpolate(unit[None], size=image.shape[1:], mode="bilinear", align_corners=False)[0, 0]
    colours = torch.from_numpy(colormaps["inferno"](large.numpy())[..., :3]).permute(2, 0, 1) * 255
    return ((1 - opacity) * image + opacity * colours).round().clamp(0, 255).to(torch.uint8)
