"""Random changes of all images that a discriminator sees, so that few training images are not learnt by heart.

Zhao, Liu, Lin, Zhu and Han, Differentiable Augmentation for Data-Efficient GAN Training, NeurIPS 2020: real images and
outputs are changed alike, in the updates of the discriminators and in those of the generators, and gradients go through
the change. `shift` is that paper's translation, and `cutout` its translation and its cutout. Its changes of colours are
not offered, because two domains may differ in nothing but colours.

A method has a draw for each of `augmentation_shapes`, and calls `augmented` wherever a discriminator gets images.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ugbench.method_config import Augmentation

_NUMBERS = {"shift": 2, "cutout": 4}
_SHIFT, _HOLE = 1 / 8, 1 / 2  # shares of the side, as in that paper


def augmentation_shapes(augmentation: Augmentation, *names: str) -> dict[str, tuple[int]]:
    """The name and shape of the uniform draws that `augmented` uses for images of these names; none for `none`."""
    return {} if augmentation == "none" else {_draw(name): (_NUMBERS[augmentation],) for name in names}


def augmented(images: Tensor, draws: Mapping[str, Tensor], name: str) -> Tensor:
    """Images (n, c, h, w) as a discriminator sees them: changed by the draws of this name, or as they are without any.

    What comes in from outside the image, and what is left out, is 0, the grey in the middle of [-1, 1].
    """
    numbers = draws.get(_draw(name))
    if numbers is None:
        return images
    moved = shifted(images, numbers[:, :2])
    return moved if numbers.shape[1] == _NUMBERS["shift"] else with_hole(moved, numbers[:, 2:])


def shifted(images: Tensor, numbers: Tensor) -> Tensor:
    """Each image moved by a whole number of px, each as likely, from minus to plus an eighth of its side.

    Args:
        images: (n, c, h, w).
        numbers: (n, 2) in [0, 1): 0 moves furthest up and left, 1 furthest down and right.
    """
    # Products with a matrix of zeros and ones are exact. Unlike indexing, they have a deterministic gradient on a GPU.
    down, right = (_moving(numbers[:, axis], images.shape[2 + axis]).to(images.dtype) for axis in (0, 1))
    return down @ images @ right.transpose(-1, -2)


def with_hole(images: Tensor, numbers: Tensor) -> Tensor:
    """Each image with a rectangle of half its height and width set to 0; a part of it may be outside the image.

    Args:
        images: (n, c, h, w).
        numbers: (n, 2) in [0, 1): where the centre is, from the top and from the left.
    """
    rows, columns = (_in_hole(numbers[:, axis], images.shape[2 + axis]) for axis in (0, 1))
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


def _draw(name: str) -> str:
    return f"augment_{name}"


def _moving(numbers: Tensor, side: int) -> Tensor:
    """Matrices (n, 1, side, side) that move columns of `side` numbers: 1 where the row is the column and the shift."""
    furthest = round(side * _SHIFT)
    shifts = (numbers * (2 * furthest + 1)).floor() - furthest
    places = torch.arange(side, device=numbers.device)
    return (places[:, None] == places + shifts[:, None, None])[:, None]


def _in_hole(numbers: Tensor, side: int) -> Tensor:
    """Which of `side` places are in a hole, bool (n, side)."""
    hole = round(side * _HOLE)
    first = (numbers * (side + 1)).floor()[:, None] - hole // 2
    places = torch.arange(side, device=numbers.device)
    return (places >= first) & (places < first + hole)
