"""Writes translated images and attention overlays as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.images import check_stems, read_image, resize
from ugbench.data.overlay import overlay
from ugbench.data.progress import Progress
from ugbench.data.tensors import save_png, to_tensor
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.inference.attention import attention_maps
from ugbench.inference.translate import translate
from ugbench.method import Method
from ugbench.runs.folder import ATTENTION
from ugbench.runs.json_file import make_folder


def write_outputs(
    method: Method,
    sources: Sequence[Path],
    folder: Path,
    direction: Direction,
    *,
    batch_size: int = 8,
    precision: Precision = "fp32",
    attention: bool = False,
    keep_size: bool = False,
    samples: int = 1,
    progress: Progress | None = None,
) -> None:
    """Translate image files into `folder`/<stem>.png, or <stem>.<k>.png for several samples.

    Overlays of the main attention map go to `folder`/attention/<stem>.png, those of another map to
    `folder`/attention/<map>/<stem>.png. A map that is computed on the output (`Method.output_maps`) is drawn over the
    first output of its source, every other map over the source.

    Args:
        attention: also write attention overlays; the method must be loaded with `all_networks`.
        keep_size: resize each output to the size of its source; otherwise outputs have the run's size.
        samples: the number of outputs for each image, for methods with a style.
        progress: called after each batch.
    Raises:
        UsageError: two sources have the same stem, or several samples are asked of a method without a style.
        DataError: an image cannot be read.
    """
    check_stems(sources)
    if samples > 1 and not method.style_dim:
        raise UsageError(f"--samples {samples}: this method makes one output for each image; leave it out.")
    make_folder(folder)
    for start in range(0, len(sources), batch_size):
        paths = sources[start : start + batch_size]
        pictures = [read_image(path) for path in paths]
        images = torch.stack([to_tensor(resize(picture, method.config.size)) for picture in pictures])
        (batch_outputs,) = translate(
            method, images, direction, batch_size=len(paths), precision=precision, samples=samples
        )
        for path, picture, outputs in zip(paths, pictures, batch_outputs, strict=True):
            for k, output in enumerate(outputs):
                name = f"{path.stem}.{k}.png" if samples > 1 else f"{path.stem}.png"
                save_png(output, folder / name, size=picture.size if keep_size else None)
        if attention:
            _write_overlays(method, paths, images, batch_outputs[:, 0], folder / ATTENTION, direction)
        if progress is not None:
            progress(start + len(paths), len(sources))


def _write_overlays(
    method: Method, paths: Sequence[Path], sources: Tensor, outputs: Tensor, folder: Path, direction: Direction
) -> None:
    (maps,) = attention_maps(method, sources, direction, batch_size=len(paths))
    main = next((name for name in maps if name not in method.output_maps), None)
    for name, batch_maps in maps.items():
        map_folder = folder if name == main else folder / name
        make_folder(map_folder)
        images = outputs if name in method.output_maps else sources
        for path, image, attention_map in zip(paths, images, batch_maps, strict=True):
            save_png(overlay(image, attention_map), map_folder / f"{path.stem}.png")
