"""Translates images at their own size, or resized to one length of their shorter sides, as convolutions allow."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from ugbench.arithmetic import exact_float32
from ugbench.data.images import resize
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.image_size import size_text
from ugbench.inference.translate import device_of
from ugbench.method import Method

FACTOR = 4  # heights and widths are multiples of this, as networks halve them twice and double them again
SMALLEST = 32  # px: the least height and width, since networks pad their features by reflection


def check_any_size(method: Method, label: str, direction: Direction, option: str = "--native-size") -> None:
    """Check that a method translates images of other sizes than the run's, by translating a grey one.

    Args:
        label: the name of the method in errors.
        option: that needs this, for errors.
    Raises:
        UsageError: it does not; the message says why.
    """
    height, width = method.config.image_shape
    image = torch.zeros(1, 3, height + FACTOR, width + 2 * FACTOR, device=device_of(method))
    style = torch.zeros(1, method.style_dim, device=image.device) if method.style_dim else None
    try:
        with torch.no_grad(), exact_float32():
            result = method.translate(image, direction, style)
    except torch.OutOfMemoryError:  # a RuntimeError that says nothing about sizes
        raise
    except (UsageError, RuntimeError) as error:  # a layer of another size makes torch raise RuntimeError
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UsageError(f"{option}: {label} translates images of one size only ({reason}); leave it out.") from None
    if result.shape != image.shape:
        given, made = (f"{size_text((sides[-1], sides[-2]))} px" for sides in (image.shape, result.shape))
        raise UsageError(
            f"{option}: {label} translates images of one size only (it makes {made} of {given}); leave it out."
        )


def with_short_side(image: Image.Image, side: int) -> Image.Image:
    """The image resized, antialiased, so that its shorter side has `side` px; the longer one is rounded down.

    This is how the public codes of UNIT and MUNIT resize test images.
    """
    shorter = min(image.size)
    width, height = (side * length // shorter for length in image.size)
    return resize(image, (width, height))


def mirrored(image: Image.Image) -> Image.Image:
    """The image, continued by its mirror image on the right and below to sides that a network takes.

    These are the next multiples of FACTOR, and at least SMALLEST. `cut_back` cuts the addition off again.
    """
    width, height = (max(SMALLEST, -(-side // FACTOR) * FACTOR) for side in image.size)
    if (width, height) == image.size:
        return image
    missing = ((0, height - image.height), (0, width - image.width), (0, 0))
    return Image.fromarray(np.pad(np.asarray(image), missing, mode="reflect"))


def cut_back(output: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The part of an output that belongs to the image of `size` (width, height), px, and not to its addition."""
    return output if output.size == size else output.crop((0, 0, *size))
