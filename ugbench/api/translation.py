"""Translations of images in memory: what `Run.translate` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

from PIL import Image

from ugbench.api.arguments import check_at_least, check_direction_name
from ugbench.api.images import ImageLike, Images, list_inputs, name_of, read_input
from ugbench.api.shown import shown
from ugbench.device import pick_devices
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.inference.batches import as_picture, translate_batch
from ugbench.inference.native_size import check_any_size
from ugbench.inference.remote_methods import RemoteMethod
from ugbench.inference.several_devices import copies_on, on_all_devices
from ugbench.inference.styles import choose_styles
from ugbench.inference.translated_batch import TranslatedBatch
from ugbench.inference.translator import load_translator
from ugbench.method import Method
from ugbench.runs.run import Run


def translate(
    run: Run,
    images: Images,
    direction: Direction,
    attention: bool,
    *,
    keep_size: bool,
    native_size: bool,
    samples: int,
    seed: int | None,
    style: ImageLike | None,
    step: int | None,
    batch_size: int,
    device: str,
    precision: str,
    progress: bool,
) -> list[Image.Image]:
    """The translations of images by a run; arguments, value and errors are those of `ugbench.Run.translate`."""
    chosen_direction = check_direction_name(direction) or "A2B"
    check_at_least(1, {"batch_size": batch_size, "samples": samples})
    check_at_least(0, {"seed": seed})
    if native_size and keep_size:
        raise UsageError(
            "native_size gives each output the size of its input, so keep_size has no effect; leave one out."
        )
    output = shown(progress)
    inputs = list_inputs(images, "images")
    names = [name_of(image, "images", place) for place, image in enumerate(inputs)]
    example = None if style is None else read_input(style, "style")
    first, *further = pick_devices(device)
    translator = load_translator(
        run, first, chosen_direction, step=step, precision=precision, attention=attention, log=output.log
    )
    method, label = translator.method, run.config.label
    if native_size:
        check_any_size(method, label, chosen_direction)
    example_name = style if isinstance(style, str | os.PathLike) else ""
    styles = choose_styles(method, label, chosen_direction, samples, seed, example, example_name)
    at_once = 1 if native_size else batch_size
    translated: list[Image.Image] = []
    translate_pictures = partial(
        translate_batch,
        direction=chosen_direction,
        precision=translator.precision,
        attention=attention,
        native_size=native_size,
        styles=styles,
    )

    def batches() -> Iterator[tuple[_Batch, Callable[[Method | RemoteMethod], TranslatedBatch]]]:
        for start in range(0, len(inputs), at_once):
            places = range(start, min(start + at_once, len(inputs)))
            pictures = [read_input(inputs[place], names[place]) for place in places]
            in_errors = [names[place] for place in places]
            work = partial(translate_pictures, pictures=pictures, places=places, names=in_errors)
            yield _Batch([picture.size for picture in pictures], places.stop), work

    methods = (method, *copies_on(method, further))
    with output.bar("translating") as bar, closing(on_all_devices(methods, batches())) as translations:
        for (sizes, done), batch in translations:
            translated += _as_pictures(batch, method, sizes, keep_size, native_size)
            bar(done, len(inputs))
    return translated


class _Batch(NamedTuple):
    """The sizes (width, height) of the inputs of a batch, px, and the number of inputs that are done after it."""

    sizes: list[tuple[int, int]]
    done: int


def _as_pictures(
    batch: TranslatedBatch, method: Method, sizes: list[tuple[int, int]], keep_size: bool, native_size: bool
) -> list[Image.Image]:
    """The outputs of a batch, all samples of an input together, with the overlays of the input in their `info`.

    Args:
        sizes: (width, height) of the inputs, px.
    """
    pictures = []
    for place, size in enumerate(sizes):
        overlays = {
            name: as_picture(images[place], method, size, native_size=native_size)
            for name, images in batch.overlays.items()
        }
        for sample in batch.outputs[place]:
            picture = as_picture(sample, method, size, keep_size=keep_size, native_size=native_size)
            if overlays:
                picture.info["attention"] = dict(overlays)
            pictures.append(picture)
    return pictures
