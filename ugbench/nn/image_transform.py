"""What happens to images before a network that was trained on photographs: a resize, then a mean and a deviation."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET_TRANSFORM = "224 px bilinear antialiased, ImageNet mean and std"


def standardized(
    images: Tensor,
    size: int,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    filter: Literal["bilinear", "bicubic"] = "bilinear",
) -> Tensor:
    """Float images (n, 3, size, size), resized with antialiasing, with this mean and standard deviation per channel.

    Args:
        images: uint8, or float in [0, 1], (n, 3, h, w). Images of the right size are not resized.
        size: px.
    """
    x = images if images.is_floating_point() else images.float() / 255
    if x.shape[-2:] != (size, size):
        x = F.interpolate(x, size=(size, size), mode=filter, antialias=True, align_corners=False)
    return (x - x.new_tensor(mean).view(3, 1, 1)) / x.new_tensor(std).view(3, 1, 1)
