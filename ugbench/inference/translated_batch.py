"""What a method makes of a batch of images: the outputs, and the overlays of its attention maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ugbench.data.overlay import overlay
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.inference.attention import attention_maps
from ugbench.inference.translate import translate
from ugbench.method import Method


@dataclass(frozen=True)
class TranslatedBatch:
    """The translations of n images.

    Attributes:
        outputs: uint8 (n, samples, 3, h, w), of the size of the images.
        overlays: of each attention map by its name, the main one first, n tensors uint8 (3, h, w). A map that is
            computed on the output (`Method.output_maps`) is drawn over the first output, every other map over the
            source. Empty if none were asked for.
    """

    outputs: Tensor
    overlays: Mapping[str, Sequence[Tensor]]


def translate_images(
    method: Method,
    images: Tensor,
    direction: Direction,
    *,
    precision: Precision = "fp32",
    attention: bool = False,
    styles: Tensor | None = None,
    names: Sequence[object] = (),
) -> TranslatedBatch:
    """Translate images at once, on the device of the method.

    Args:
        images: uint8 (n, 3, h, w) on the CPU.
        attention: also make overlays; the method must be loaded with `all_networks`.
        styles: (n, samples, style_dim) for a method with a style; None for another one.
        names: what an error calls each image; empty for its number in this batch.
    Raises:
        UgbenchError: a translation or an attention map is NaN or infinite.
    """
    count = len(images)
    (outputs,) = translate(method, images, direction, batch_size=count, precision=precision, styles=styles, names=names)
    overlays: dict[str, list[Tensor]] = {}
    if attention:
        (maps,) = attention_maps(method, images, direction, batch_size=count, names=names)
        main = main_map(method, tuple(maps))
        for name in sorted(maps, key=lambda name: name != main):
            under = outputs[:, 0] if name in method.output_maps else images
            overlays[name] = [overlay(image, each) for image, each in zip(under, maps[name], strict=True)]
    return TranslatedBatch(outputs, overlays)


def main_map(method: Method, names: Sequence[str]) -> str | None:
    """The name of the main attention map: the first one that is not computed on the output; None if there is none."""
    return next((name for name in names if name not in method.output_maps), None)
