"""Writes translated images and attention overlays as PNG files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ugbench.data.fitting import Transform, fitted, restored
from ugbench.data.images import check_stems, read_image
from ugbench.data.overlay import overlay
from ugbench.data.progress import Progress
from ugbench.data.tensors import save_image, to_image, to_tensor
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import DataError
from ugbench.inference.attention import attention_maps, attention_names
from ugbench.inference.native_size import cut_back, mirrored
from ugbench.inference.styles import DRAWN, Styles
from ugbench.inference.translate import translate
from ugbench.method import Method
from ugbench.runs.folder import ATTENTION
from ugbench.runs.json_file import make_folder


def output_names(
    method: Method, sources: Sequence[Path], direction: Direction, attention: bool = False, samples: int = 1
) -> list[str]:
    """The files that `write_outputs` writes, relative to its folder; its arguments are the same.

    Raises:
        UsageError: two sources have the same stem.
    """
    check_stems(sources)
    names = [output_name(path, k, samples) for path in sources for k in range(samples)]
    maps = attention_names(method, direction) if attention else ()
    main = _main_map(method, maps)
    for name in maps:
        folder = Path(ATTENTION) if name == main else Path(ATTENTION, name)
        names += [str(folder / f"{path.stem}.png") for path in sources]
    return names


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
    keep_padding: bool = False,
    native_size: bool = False,
    styles: Styles = DRAWN,
    progress: Progress | None = None,
    on_bad: Callable[[DataError], None] | None = None,
) -> int:
    """Translate image files into `folder`/<stem>.png, or <stem>.<k>.png for several samples.

    Overlays of the main attention map go to `folder`/attention/<stem>.png, those of another map to
    `folder`/attention/<map>/<stem>.png. A map that is computed on the output (`Method.output_maps`) is drawn over the
    first output of its source, every other map over the source.

    Args:
        attention: also write attention overlays; the method must be loaded with `all_networks`.
        keep_size: resize each output to the size of its source, or, if the method crops images, of the part of it that
            was translated; otherwise outputs have the run's size.
        native_size: translate each image at its own size, one at a time (`ugbench.inference.native_size`); the method
            must be one that translates images of any size, and nothing is fitted or resized.
        keep_padding: outputs of padded sources, and their overlays, keep the padding; otherwise it is cut off.
        styles: with which the images are translated, by their places in `sources`, and the number of outputs for each
            image.
        progress: called after each batch.
        on_bad: called with the error of each image that cannot be read, which is then left out; None raises it.
    Returns:
        The number of images that were translated.
    Raises:
        UsageError: two sources have the same stem.
        DataError: an image cannot be read.
        UgbenchError: a translation or an attention map is NaN or infinite; its image is not written.
    """
    check_stems(sources)
    make_folder(folder)
    transform = Transform(method.config.size, method.config.fit)

    def finish(output: Image.Image, size: tuple[int, int], keep_size: bool) -> Image.Image:
        return cut_back(output, size) if native_size else restored(output, size, transform.fit, keep_size)

    count = 0
    batch_size = 1 if native_size else batch_size
    for start in range(0, len(sources), batch_size):
        done = min(start + batch_size, len(sources))
        pictures_by_place = dict(_pictures(sources, range(start, done), on_bad))
        places, pictures = list(pictures_by_place), list(pictures_by_place.values())
        paths = [sources[place] for place in places]
        count += len(paths)
        if not paths:
            continue
        inputs = [mirrored(picture) if native_size else fitted(picture, transform) for picture in pictures]
        images = torch.stack([to_tensor(picture) for picture in inputs])
        batch_styles = styles.of_images(method, places)
        (batch_outputs,) = translate(
            method, images, direction, batch_size=len(paths), precision=precision, styles=batch_styles, names=paths
        )
        # An output that keeps its padding has the shape of a fitted image; so nothing is cut off or resized.
        sizes = [transform.width_and_height if keep_padding else picture.size for picture in pictures]
        for path, size, outputs in zip(paths, sizes, batch_outputs, strict=True):
            for k, output in enumerate(outputs):
                file = folder / output_name(path, k, styles.samples)
                save_image(finish(to_image(output), size, keep_size), file)
        if attention:
            for name, drawings in _overlays(method, paths, images, batch_outputs[:, 0], direction):
                make_folder(folder / ATTENTION / name)
                for path, size, drawing in zip(paths, sizes, drawings, strict=True):
                    save_image(finish(to_image(drawing), size, False), folder / ATTENTION / name / f"{path.stem}.png")
        if progress is not None:
            progress(done, len(sources))
    return count


def _pictures(
    paths: Sequence[Path], places: Iterable[int], on_bad: Callable[[DataError], None] | None
) -> Iterator[tuple[int, Image.Image]]:
    for place in places:
        try:
            yield place, read_image(paths[place])
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)


def output_name(source: Path, sample: int, samples: int) -> str:
    """The file name of an output: <stem>.png, or <stem>.<sample>.png if a source has several samples."""
    return f"{source.stem}.{sample}.png" if samples > 1 else f"{source.stem}.png"


def _main_map(method: Method, names: Iterable[str]) -> str | None:
    return next((name for name in names if name not in method.output_maps), None)


def _overlays(
    method: Method, paths: Sequence[Path], sources: Tensor, outputs: Tensor, direction: Direction
) -> Iterator[tuple[str, list[Tensor]]]:
    """The overlays of each attention map, uint8 (3, h, w) for each image, with the map's subfolder: "" for the main."""
    (maps,) = attention_maps(method, sources, direction, batch_size=len(paths), names=paths)
    main = _main_map(method, maps)
    for name, batch_maps in maps.items():
        images = outputs if name in method.output_maps else sources
        drawings = [overlay(image, attention_map) for image, attention_map in zip(images, batch_maps, strict=True)]
        yield "" if name == main else name, drawings
