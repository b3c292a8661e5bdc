"""The size of images: a number of px for a square, or width and height; its text is 256, or 128x256 (width first).

This module imports nothing heavy, as configs and options use it. A record holds a rectangle as [width, height].
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Size = int | tuple[int, int]
"""Size of an image in px: the side of a square, or (width, height)."""
ZOOM = 286 / 256
"""How many times larger than the crops training images are in the paper, and by default."""
SMALLEST_SIDE, LARGEST_SIDE = 8, 1 << 16  # px: the smallest side of training images, the largest of any images


def as_size(value: object) -> Size:
    """The size that a number, a text or a pair means; equal sides are a square.

    >>> as_size(256), as_size("256"), as_size("128x256"), as_size([64, 64])
    (256, 256, (128, 256), 64)

    Raises:
        ValueError: the value means no size.
    """
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([0-9]{1,9})(?:[xX]([0-9]{1,9}))?\s*", value)
        sides: Sequence[object] = [] if match is None else [int(side) for side in match.groups() if side is not None]
    else:
        sides = value if isinstance(value, tuple | list) and len(value) == 2 else [value]
    numbers = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
    if not numbers or len(numbers) < len(sides) or not all(1 <= number <= LARGEST_SIDE for number in numbers):
        raise ValueError(
            f"give px from 1 to {LARGEST_SIDE:,}: one number for squares, as in 256, or width and height, as in 128x256"
        )
    width, height = numbers[0], numbers[-1]
    return width if width == height else (width, height)


def is_size(value: object) -> bool:
    """Whether `as_size` reads the value."""
    try:
        as_size(value)
    except ValueError:
        return False
    return True


def width_and_height(size: Size) -> tuple[int, int]:
    """A size as (width, height), px."""
    return (size, size) if isinstance(size, int) else size


def zoomed(size: Size, zoom: float = ZOOM) -> Size:
    """Size in px to which training images are resized before they are cropped to `size`.

    >>> zoomed(256), zoomed((64, 128), 1.5)
    (286, (96, 192))
    """
    return as_size([round(side * zoom) for side in width_and_height(size)])


def size_text(size: int | Sequence[int]) -> str:
    """A size as people type it: 256 for a square, 128x256 for a rectangle of this width and height."""
    sides = [size] if isinstance(size, int) else list(dict.fromkeys(size))
    return "x".join(map(str, sides))


def stored_size(size: Size) -> int | list[int]:
    """A size as records and configs hold it: a number, or [width, height]."""
    return size if isinstance(size, int) else list(size)
