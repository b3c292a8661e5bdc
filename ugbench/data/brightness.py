"""Whether the images of a set use their range of brightness: nearly black images are often 12 bits stored in 16."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ugbench.data.images import ImageHeader

LEAST = 255 / 20  # levels of 8 bits between the darkest and the brightest pixel
# 12 bits that are stored in 16 without a tag that says so fill 16 of 255 levels.
LEAST_OF_DEEP = 17


def is_narrow(image: Image.Image, header: ImageHeader) -> bool:
    """True if an image uses less than a twentieth of its range (a file of 16 bits per channel: less than a fifteenth).

    Args:
        image: as `ugbench.data.images.inspect_image` returns it, RGB.
    """
    extrema = np.asarray(image.getextrema())
    return bool(extrema.max() - extrema.min() < (LEAST_OF_DEEP if ";16" in header.mode else LEAST))


def describe_narrow(narrow: int, total: int) -> str | None:
    """What is odd about a set of `total` images of which `narrow` are narrow; None if most images are not."""
    if 2 * narrow <= total:
        return None
    return f"{narrow} of {total} images use less than a twentieth of the range from black to white"
