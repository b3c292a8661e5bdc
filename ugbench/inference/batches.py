"""Translates pictures in batches, with the overlays of their attention maps: for files and for images in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ugbench.data.images import resize
from ugbench.data.overlay import overlay
from ugbench.data.tensors import to_tensor
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.inference.attention import attention_maps
from ugbench.inference.styles import DRAWN, Styles
from ugbench.inference.translate import translate
from ugbench.method import Method


@dataclass(frozen=True)
class TranslatedBatch:
    """The translations of n pictures.

    Attributes:
        outputs: uint8 (n, samples, 3, size, size).
        overlays: of each attention map by its name, the main one first, n tensors uint8 (3, size, size). A map that is
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
    styles: Styles = DRAWN,
    names: Sequence[object] = (),
) -> TranslatedBatch:
    """Translate pictures at once, each squashed to the size of the method.

    Args:
        pictures: RGB.
        places: of the pictures in the list of all inputs, from 0, by which their styles are drawn.
        attention: also make overlays; the method must be loaded with `all_networks`.
        names: what an error calls each picture; empty for its number in this batch.
    Raises:
        UgbenchError: a translation or an attention map is NaN or infinite.
    """
    images = torch.stack([to_tensor(resize(picture, method.config.size)) for picture in pictures])
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


def main_map(method: Method, names: Sequence[str]) -> str | None:
    """The name of the main attention map: the first one that is not computed on the output; None if there is none."""
    return next((name for name in names if name not in method.output_maps), None)
