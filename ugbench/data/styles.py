"""Draws styles, the vectors that select one of many possible outputs of a method.

This module imports torch only when it draws, because tables name the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

STYLE_SEED = 0  # of the styles of stored outputs, and so of scores


def draw_styles(length: int, places: Sequence[int], samples: int = 1, seed: int = STYLE_SEED) -> Tensor:
    """Styles from the standard normal distribution: a different one for each image and each of its samples.

    A style depends on the seed, the place of its image and the number of the sample alone. So it does not change with
    the batch, the device, the number of samples, or the images that could not be read.

    Args:
        length: `Method.style_dim`.
        places: of the images in the list of all inputs, from 0.
        samples: the number of styles for each image.
    Returns:
        (n, samples, length), float32 on the CPU.
    """
    import torch

    from ugbench.data.seeding import generator_for

    styles = torch.empty(len(places), samples, length)
    for row, place in zip(styles, places, strict=True):
        for k, style in enumerate(row):
            style.copy_(torch.randn(length, generator=generator_for(seed, "style", k, place)))
    return styles
