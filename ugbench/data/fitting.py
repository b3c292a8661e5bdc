"""How an image of any shape becomes one of the size of a run, and how an output gets the shape of its input again.

There are three ways (`ugbench.fit.Fit`), which are the same for an image of the wanted shape:

- `squash` resizes the image to the size; its proportions change.
- `crop` resizes it until it covers the size, with its proportions kept, and takes the centre.
- `pad` continues the image by its mirror image to the proportions of the size, centred, and resizes that. The mirror
  image is that of numpy's "reflect", which does not repeat the outermost pixels; it is repeated where an image is so
  long that one does not suffice.

Training, translation and scoring call these functions, so that all of them see one transform. Resizes are Pillow's,
which are antialiased.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ugbench.data.images import Filter, resize
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import Size, as_size, width_and_height

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of an image, px."""


@dataclass(frozen=True)
class Transform:
    """The test transform: the size that images get, px, and how they get it."""

    size: Size
    fit: Fit = SQUASH

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", as_size(self.size))  # of a config.json it may be a list

    @property
    def width_and_height(self) -> tuple[int, int]:
        """The size as (width, height), px."""
        return width_and_height(self.size)


def as_transform(transform: Size | Transform) -> Transform:
    """The transform; a size alone means that images are squashed to it."""
    return transform if isinstance(transform, Transform) else Transform(transform)


def common_fit(fits: Iterable[Fit]) -> Fit:
    """The fit that all of these share; `squash`, which shows whole images, if they differ or there are none."""
    different = set(fits)
    return different.pop() if len(different) == 1 else SQUASH


def fitted(image: Image.Image, transform: Size | Transform, filter: Filter = "bilinear") -> Image.Image:
    """The image after the test transform; it has exactly the size. An image that has it already is left as it is.

    Args:
        transform: a size alone means that the image is squashed to it.
    """
    transform = as_transform(transform)
    width, height = transform.width_and_height
    if transform.fit == "crop":
        covering = cover(image, (width, height), filter)
        left, top = (covering.width - width) // 2, (covering.height - height) // 2
        return covering.crop((left, top, left + width, top + height)) if covering.size != (width, height) else covering
    if transform.fit == "pad":
        return _padded(image, (width, height), filter)
    return resize(image, (width, height), filter)


def covering_size(image_size: tuple[int, int], size: Size) -> tuple[int, int]:
    """Width and height of the smallest image with these proportions that covers the size, px.

    Args:
        image_size: width and height of the image, px.
    """
    width, height = width_and_height(size)
    scale = max(width / image_size[0], height / image_size[1])
    return max(width, round(image_size[0] * scale)), max(height, round(image_size[1] * scale))


def cover(image: Image.Image, size: Size, filter: Filter = "bilinear") -> Image.Image:
    """The image resized to `covering_size`: it has the width or the height of `size`, and no less of the other."""
    return resize(image, covering_size(image.size, size), filter)


def training_image(image: Image.Image, size: Size, fit: Fit) -> Image.Image:
    """The image as training stores it, and crops from it at random places.

    Args:
        size: from which the crops are taken, see `ugbench.method_config.MethodConfig.training_size`.
    Returns:
        An image of the size; with `crop`, one that covers it (`covering_size`).
    """
    return cover(image, size) if fit == "crop" else fitted(image, Transform(size, fit))


def restored(output: Image.Image, image_size: tuple[int, int], fit: Fit, keep_size: bool) -> Image.Image:
    """The output of an image without the padding, and at the scale of the image if `keep_size`.

    Args:
        output: made of the fitted image, and of its size.
        image_size: width and height of the image before it was fitted, px.
        keep_size: resize the output to the size of the image; or, with `crop`, to that of the part of the image that
            it was made of.
    Returns:
        Without `keep_size`: with `pad` the part of the output that belongs to the image, which has the proportions of
        the image up to rounding; else the output.
    """
    whole: Box = (0, 0, *output.size)
    box = _unpadded_box(output.size, image_size) if fit == "pad" else whole
    if keep_size:
        target = _cropped_size(output.size, image_size) if fit == "crop" else image_size
        return output if (box, target) == (whole, output.size) else _resized(output, target, box)
    if box == whole:
        return output
    width, height = max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))
    left, top = min(round(box[0]), output.width - width), min(round(box[1]), output.height - height)
    return output.crop((left, top, left + width, top + height))


def _resized(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR, box=box)


def _cropped_size(size: tuple[int, int], image_size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the part of an image that `crop` takes for an output of `size`, px."""
    scale = min(image_size[0] / size[0], image_size[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _padded_size(size: tuple[int, int], image_size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of an image after padding it to the proportions of `size`, px."""
    width, height = image_size
    return max(width, round(height * size[0] / size[1])), max(height, round(width * size[1] / size[0]))


def _unpadded_box(size: tuple[int, int], image_size: tuple[int, int]) -> Box:
    """The part of an output of `size` that belongs to the image and not to its padding, px."""
    padded = _padded_size(size, image_size)
    left, top = ((padded[axis] - image_size[axis]) // 2 for axis in (0, 1))
    horizontal, vertical = size[0] / padded[0], size[1] / padded[1]
    right, bottom = (left + image_size[0]) * horizontal, (top + image_size[1]) * vertical
    return left * horizontal, top * vertical, min(right, size[0]), min(bottom, size[1])


def _padded(image: Image.Image, size: tuple[int, int], filter: Filter) -> Image.Image:
    """The image, continued by its mirror image to the proportions of `size`, resized to it.

    The longer side is resized first, which gives the same (up to the rounding of the levels in between) as padding
    first, and takes no memory for a square of a long image.
    """
    padded = _padded_size(size, image.size)
    before = [(padded[axis] - image.size[axis]) // 2 for axis in (0, 1)]
    after = [padded[axis] - image.size[axis] - before[axis] for axis in (0, 1)]
    if padded == image.size:
        return resize(image, size, filter)
    if padded[0] == image.width:  # rows are added
        narrow = resize(image, (size[0], image.height), filter)
        pixels = np.pad(np.asarray(narrow), ((before[1], after[1]), (0, 0), (0, 0)), mode="reflect")
    else:
        low = resize(image, (image.width, size[1]), filter)
        pixels = np.pad(np.asarray(low), ((0, 0), (before[0], after[0]), (0, 0)), mode="reflect")
    return resize(Image.fromarray(pixels), size, filter)
