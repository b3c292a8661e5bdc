"""Images as tensors: uint8 RGB in memory, floats in [-1, 1] for networks, and PNG files written from tensors."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ugbench.data.fitting import Transform, as_transform, fitted
from ugbench.data.images import read_image
from ugbench.data.progress import Progress, tracked
from ugbench.errors import writing
from ugbench.image_size import Size


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as uint8 (3, h, w)."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def load_images(paths: Sequence[Path], transform: Size | Transform, progress: Progress | None = None) -> Tensor:
    """Images after the test transform, as one uint8 tensor (n, 3, height, width), in the order of `paths`.

    Args:
        transform: a size alone means that images are squashed to it.
        progress: called after each image.
    Raises:
        DataError: a file cannot be read.
    """
    width, height = as_transform(transform).width_and_height
    images = torch.empty((len(paths), 3, height, width), dtype=torch.uint8)
    for index, path in enumerate(tracked(paths, len(paths), progress)):
        images[index] = to_tensor(fitted(read_image(path), transform))
    return images


def to_image(image: Tensor) -> Image.Image:
    """A uint8 tensor (3, h, w) as an RGB image."""
    return Image.fromarray(image.permute(1, 2, 0).cpu().contiguous().numpy())


def to_float(images: Tensor) -> Tensor:
    """uint8 in [0, 255] as float32 in [-1, 1]; `to_uint8` gives exactly the same uint8 back."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Floats in [-1, 1] as uint8 in [0, 255], rounded to the nearest level and clamped."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def save_png(image: Tensor, path: Path) -> None:
    """Write a uint8 tensor (3, h, w) as an RGB PNG file; see `save_image`."""
    save_image(to_image(image), path)


def save_image(image: Image.Image, path: Path) -> None:
    """Write an RGB image as a PNG file.

    The folder must exist. The file is written beside `path` and renamed, so that a link there is replaced, and not the
    file that it leads to.

    Raises:
        DiskError: the system refuses; an older file stays.
    """
    temporary = path.with_name(f".ugbench-{os.getpid()}-{threading.get_ident()}.png")
    with writing(path):
        try:
            temporary.unlink(missing_ok=True)
            with temporary.open("xb") as file:
                image.save(file, format="PNG")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
