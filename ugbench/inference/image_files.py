"""Writes translated images and attention overlays as PNG files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ugbench.data.fitting import Transform
from ugbench.data.images import check_stems, read_image
from ugbench.data.in_threads import read_ahead, write_behind
from ugbench.data.progress import Progress
from ugbench.data.tensors import save_image
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import DataError
from ugbench.inference.attention import attention_names
from ugbench.inference.batches import as_picture, translate_batch
from ugbench.inference.native_size import with_short_side
from ugbench.inference.remote_methods import RemoteMethod
from ugbench.inference.several_devices import on_all_devices
from ugbench.inference.styles import DRAWN, Styles
from ugbench.inference.translated_batch import TranslatedBatch, main_map
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
    for name in maps:
        names += [str(_map_folder(method, name, maps) / f"{path.stem}.png") for path in sources]
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
    short_side: int | None = None,
    styles: Styles = DRAWN,
    copies: Sequence[Method | RemoteMethod] = (),
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
        short_side: with `native_size`, first resize each image so that its shorter side has this many px; outputs have
            that size.
        keep_padding: outputs of padded sources, and their overlays, keep the padding; otherwise it is cut off.
        styles: with which the images are translated, by their places in `sources`, and the number of outputs for each
            image.
        copies: of the method, on further devices of this process or of others, each of which takes its share of the
            batches (`ugbench.inference.several_devices`).
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
    fitted_size = Transform(method.config.size).width_and_height
    count, batch_size = 0, 1 if native_size else batch_size
    translate = partial(
        translate_batch,
        direction=direction,
        precision=precision,
        attention=attention,
        native_size=native_size,
        styles=styles,
    )

    def batches(
        pictures: Iterator[tuple[int, Image.Image | DataError]],
    ) -> Iterator[tuple[_Batch, Callable[[Method | RemoteMethod], TranslatedBatch]]]:
        for start in range(0, len(sources), batch_size):
            batch = _readable(islice(pictures, batch_size), on_bad)
            if not batch:
                continue
            places = list(batch)
            paths = [sources[place] for place in places]
            # An output that keeps its padding has the shape of a fitted image; so nothing is cut off or resized.
            sizes = [fitted_size if keep_padding else picture.size for picture in batch.values()]
            work = partial(translate, pictures=list(batch.values()), places=places, names=paths)
            yield _Batch(paths, sizes, min(start + batch_size, len(sources))), work

    with (
        read_ahead(partial(_read_picture, sources, short_side), range(len(sources)), ahead=batch_size) as pictures,
        write_behind(2 * batch_size) as write,
        closing(on_all_devices((method, *copies), batches(pictures))) as translations,
    ):
        for (paths, sizes, done), translated in translations:
            count += len(paths)
            for path, size, outputs in zip(paths, sizes, translated.outputs, strict=True):
                for k, output in enumerate(outputs):
                    picture = partial(as_picture, output, method, size, keep_size=keep_size, native_size=native_size)
                    write(partial(_save, picture, folder / output_name(path, k, styles.samples)))
            for name, overlays in translated.overlays.items():
                map_folder = folder / _map_folder(method, name, tuple(translated.overlays))
                make_folder(map_folder)
                for path, size, image in zip(paths, sizes, overlays, strict=True):
                    picture = partial(as_picture, image, method, size, native_size=native_size)
                    write(partial(_save, picture, map_folder / f"{path.stem}.png"))
            if progress is not None:
                progress(done, len(sources))
    return count


class _Batch(NamedTuple):
    """The files of a batch, the sizes that their outputs are restored to, and the files done after it."""

    paths: Sequence[Path]
    sizes: Sequence[tuple[int, int]]
    done: int


def _read_picture(sources: Sequence[Path], short_side: int | None, place: int) -> tuple[int, Image.Image | DataError]:
    """The picture of a place, resized if so asked, or the error of reading it, which another thread handles."""
    try:
        picture = read_image(sources[place])
    except DataError as error:
        return place, error
    return place, picture if short_side is None else with_short_side(picture, short_side)


def _readable(
    read: Iterable[tuple[int, Image.Image | DataError]], on_bad: Callable[[DataError], None] | None
) -> dict[int, Image.Image]:
    """Pictures by their places; an error is raised, or given to `on_bad`."""
    pictures: dict[int, Image.Image] = {}
    for place, picture in read:
        if isinstance(picture, Image.Image):
            pictures[place] = picture
        elif on_bad is None:
            raise picture
        else:
            on_bad(picture)
    return pictures


def _save(picture: Callable[[], Image.Image], file: Path) -> None:
    save_image(picture(), file)


def output_name(source: Path, sample: int, samples: int) -> str:
    """The file name of an output: <stem>.png, or <stem>.<sample>.png if a source has several samples."""
    return f"{source.stem}.{sample}.png" if samples > 1 else f"{source.stem}.png"


def _map_folder(method: Method, name: str, names: Sequence[str]) -> Path:
    """The folder of the overlays of an attention map, relative to that of the outputs."""
    return Path(ATTENTION) if name == main_map(method, names) else Path(ATTENTION, name)
