"""Translates pictures in batches, with the overlays of their attention maps: for files and for images in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ugbench.data.fitting import Transform, fitted, restored
from ugbench.data.overlay import overlay
from ugbench.data.tensors import to_image, to_tensor
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.inference.attention import attention_maps
from ugbench.inference.native_size import cut_back, mirrored
from ugbench.inference.styles import DRAWN, Styles
from ugbench.inference.translate import translate
from ugbench.method import Method


@dataclass(frozen=True)
class TranslatedBatch:
    """The translations of n pictures.

    Attributes:
        outputs: uint8 (n, samples, 3, h, w), of the size of the fitted pictures; `as_picture` undoes the fitting.
        overlays: of each attention map by its name, the main one first, n tensors uint8 (3, h, w). A map that is
            computed on the output (`Method.output_maps`) is drawn over the first output, every other map over the
            source. Empty if none were asked for.
    """

    outputs: Tensor
    overlays: Mapping[str, Sequence[Tensor]]


def translate_batch(
    method: Method,
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
    """Translate pictures at once, each fitted to the size of the method as its config says.

    Args:
        pictures: RGB.
        places: of the pictures in the list of all inputs, from 0, by which their styles are drawn.
        attention: also make overlays; the method must be loaded with `all_networks`.
        native_size: translate a single picture at its own size (`ugbench.inference.native_size`) instead.
        names: what an error calls each picture; empty for its number in this batch.
    Raises:
        UgbenchError: a translation or an attention map is NaN or infinite.
    """
    transform = Transform(method.config.size, method.config.fit)
    inputs = [mirrored(picture) if native_size else fitted(picture, transform) for picture in pictures]
    images = torch.stack([to_tensor(picture) for picture in inputs])
    batch_styles = styles.of_images(method, places)
    (outputs,) = translate(
        method, images, direction, batch_size=len(images), precision=precision, styles=batch_styles, names=names
    )
    overlays: dict[str, list[Tensor]] = {}
    if attention:
        (maps,) = attention_maps(method, images, direction, batch_size=len(images), names=names)
        main = main_map(method, tuple(maps))
        for name in sorted(maps, key=lambda name: name != main):
            under = outputs[:, 0] if name in method.output_maps else images
            overlays[name] = [overlay(image, each) for image, each in zip(under, maps[name], strict=True)]
    return TranslatedBatch(outputs, overlays)


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


def main_map(method: Method, names: Sequence[str]) -> str | None:
    """The name of the main attention map: the first one that is not computed on the output; None if there is none."""
    return next((name for name in names if name not in method.output_maps), None)
