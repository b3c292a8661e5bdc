"""Translates pictures in batches, with the overlays of their attention maps: for files and for images in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from ugbench.data.fitting import Transform, fitted, restored
from ugbench.data.tensors import to_image, to_tensor
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.inference.native_size import cut_back, mirrored
from ugbench.inference.remote_methods import RemoteMethod
from ugbench.inference.styles import DRAWN, Styles
from ugbench.inference.translated_batch import TranslatedBatch, translate_images
from ugbench.method import Method


def translate_batch(
    method: Method | RemoteMethod,
    pictures: Sequence[Image.Image],
    places: Sequence[int],
    direction: Direction,
    *,
    precision: Precision = "fp32",
    attention: bool = False,
    native_size: bool = False,
    styles: Styles = DRAWN,
    names: Sequence[object] = (),
) -> TranslatedBatch:
    """Translate pictures at once, each fitted to the size of the method as its config says; `as_picture` undoes that.

    Args:
        method: on the device that translates, which may be that of another process.
        pictures: RGB.
        places: of the pictures in the list of all inputs, from 0, by which their styles are drawn.
        attention: also make overlays; the method must be loaded with `all_networks`.
        native_size: translate a single picture at its own size (`ugbench.inference.native_size`) instead.
        names: what an error calls each picture; empty for its number in this batch.
    Raises:
        UgbenchError: a translation or an attention map is NaN or infinite.
    """
    translated: Callable[..., TranslatedBatch]
    if isinstance(method, RemoteMethod):
        original, translated = method.original, method.translate_images
    else:
        original, translated = method, partial(translate_images, method)
    transform = Transform(original.config.size, original.config.fit)
    inputs = [mirrored(picture) if native_size else fitted(picture, transform) for picture in pictures]
    images = torch.stack([to_tensor(picture) for picture in inputs])
    return translated(
        images,
        direction,
        precision=precision,
        attention=attention,
        styles=styles.of_images(original, places),
        names=names,
    )


def as_picture(
    image: Tensor, method: Method, size: tuple[int, int], *, keep_size: bool = False, native_size: bool = False
) -> Image.Image:
    """An output or an overlay as a picture, without what was added to the input.

    Args:
        image: uint8 (3, h, w), from `translate_batch` with the same method and `native_size`.
        size: (width, height) of the input before it was fitted, px.
        keep_size: give it the size of the input, see `ugbench.data.fitting.restored`.
    """
    picture = to_image(image)
    return cut_back(picture, size) if native_size else restored(picture, size, method.config.fit, keep_size)
