"""Outputs as files: one PNG an input, and attention overlays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.images import check_stems, read_image, resize
from ugbench.data.overlay import overlay
from ugbench.data.tensors import save_png, to_tensor
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.inference import translate
from ugbench.method import Method

ATTENTION = "attention"


@dataclass(frozen=True)
class How:
    """How images are translated to files.

    Attributes:
        attention: write heat-map overlays too (the method must be loaded whole).
        keep_size: put each output back to its input's size; otherwise outputs have the run's size.
        samples: outputs an input, in methods with a style.
    """

    batch_size: int = 8
    mode: Precision = "fp32"
    attention: bool = False
    keep_size: bool = False
    samples: int = 1


def write_outputs(
    method: Method,
    sources: Sequence[Path],
    folder: Path,
    direction: Direction,
    how: How | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Translate image files into `folder`/<stem>.png, a batch at a time.

    With samples > 1 the files are <stem>.<k>.png. Overlays go to `folder`/attention/<stem>.png (the first of the
    method's maps of the input) and `folder`/attention/<map>/<stem>.png (the others). A map of the translation
    (`Method.output_maps`) lies over that, the first of several.

    Raises:
        UsageError: two inputs have one stem; samples of a method without a style.
        DataError: an image cannot be read.
    """
    how = how or How()
    check_stems(sources)
    if how.samples > 1 and not method.style_dim:
        raise UsageError(f"--samples {how.samples}: this method makes one output an image; leave it out.")
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(sources), how.batch_size):
        paths = sources[start : start + how.batch_size]
        pictures = [read_image(path) for path in paths]
        images = torch.stack([to_tensor(resize(picture, method.config.size)) for picture in pictures])
        (made,) = translate.translate(
            method, images, direction, batch_size=len(paths), mode=how.mode, samples=how.samples
        )
        for path, picture, outputs in zip(paths, pictures, made, strict=True):
            for k, output in enumerate(outputs):
                name = f"{path.stem}.{k}.png" if how.samples > 1 else f"{path.stem}.png"
                save_png(output, folder / name, size=picture.size if how.keep_size else None)
        if how.attention:
            _write_overlays(method, paths, (images, made[:, 0]), folder / ATTENTION, direction)
        if progress is not None:
            progress(start + len(paths), len(sources))


def _write_overlays(
    method: Method, paths: Sequence[Path], pair: tuple[Tensor, Tensor], folder: Path, direction: Direction
) -> None:
    images, made = pair
    (maps,) = translate.attention(method, images, direction, batch_size=len(paths))
    main = next((name for name in maps if name not in method.output_maps), None)
    for name, heat in maps.items():
        home = folder if name == main else folder / name
        home.mkdir(parents=True, exist_ok=True)
        for path, image, own in zip(paths, made if name in method.output_maps else images, heat, strict=True):
            save_png(overlay(image, own), home / f"{path.stem}.png")


def has_attention(method: Method, direction: Direction) -> bool:
    """Whether a method (loaded whole) has any heat map this way."""
    size = method.config.size
    image = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    return bool(next(iter(translate.attention(method, image, direction))))
