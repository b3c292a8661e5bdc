"""What raters see: a source and outputs, as PNG files that differ in nothing but their pixels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ugbench.data.datasets import DataSet
from ugbench.data.images import Size, decode_image, read_bytes, read_image, resize
from ugbench.data.splits import TRAIN
from ugbench.direction import Direction
from ugbench.errors import DataError, RunError, UsageError
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import outputs_of, outputs_step
from ugbench.votes.poll import Candidate, Poll

EXAMPLES = 4


@dataclass(frozen=True)
class Gallery:
    """The pictures of one poll.

    Attributes:
        size: that all are shown at: the largest of the candidates'.
        files: by the source's stem: the source, then each candidate's output.
        digests: SHA-256 of each of these files as it was when the poll was opened.
        examples: training images of the target domain, as PNG; none where there is no train split.
    """

    poll: Poll
    size: Size
    files: Mapping[str, tuple[Path, ...]]
    digests: Mapping[str, tuple[str, ...]]
    examples: tuple[bytes, ...]


def open_gallery(runs: Sequence[Run], dataset: DataSet, name: str, direction: Direction) -> Gallery:
    """The pictures of the runs' kept outputs, of the sources that all of them have translated.

    Args:
        runs: one a candidate.
        name: the data set's folder under results.
    Raises:
        RunError: a run has no kept outputs this way.
        UsageError: no source has an output of every run.
        DataError: a file cannot be read.
    """
    runs = sorted(runs, key=lambda run: run.config.label)
    outputs = [outputs_of(run, dataset, direction, _step(run, direction)) for run in runs]
    by_stem = [
        {source.stem: (source, file) for source, file in zip(own.sources, own.files, strict=True)} for own in outputs
    ]
    stems = [stem for stem in by_stem[0] if all(stem in own for own in by_stem)]
    if not stems:
        labels = ", ".join(run.config.label for run in runs)
        raise UsageError(f"{name} {direction}: no test image has an output of each of {labels}; import or score more.")
    files = {stem: (by_stem[0][stem][0], *(own[stem][1] for own in by_stem)) for stem in stems}
    digests = {stem: tuple(_digest(path) for path in own) for stem, own in files.items()}
    candidates = tuple(
        Candidate(run.config.known_as, run.config.variant, run.config.name, run.id, run.config.seed, own.step)
        for run, own in zip(runs, outputs, strict=True)
    )
    every = hashlib.sha256("\n".join(f"{stem}\0{' '.join(digests[stem])}" for stem in sorted(stems)).encode())
    size = max((own.size for own in outputs), key=_area)
    poll = Poll(name, direction, candidates, every.hexdigest())
    return Gallery(poll, size, files, digests, _examples(dataset, direction, size))


def render(gallery: Gallery, stem: str) -> tuple[bytes, ...]:
    """A source and the candidates' outputs as PNG, in the order of `Gallery.files`.

    All have the same width, height, mode and number of bytes (nothing is compressed), and no metadata.

    Raises:
        DataError: a file is gone, or is not the one that the poll was opened with.
    """
    pictures = []
    for path, digest in zip(gallery.files[stem], gallery.digests[stem], strict=True):
        content = read_bytes(path)
        if _sha256(content) != digest:
            raise DataError(f"{path} has changed since the poll was opened; start `ugbench vote` again.")
        pictures.append(_png(decode_image(path, content), gallery.size))
    return tuple(pictures)


def _step(run: Run, direction: Direction) -> int | None:
    """The step whose outputs are kept; None for imported runs, where it is not known."""
    if run.config.is_external:
        return None
    step = outputs_step(run, direction)
    if step is None:
        raise RunError(
            f"run {run.id} ({run.config.label}) keeps no outputs {direction}; `ugbench eval {run.id}` makes them."
        )
    return step


def _examples(dataset: DataSet, direction: Direction, size: Size) -> tuple[bytes, ...]:
    """Evenly spread over the target's training images: its test images may be what was to be drawn."""
    split = TRAIN[direction[2]]
    if not dataset.has(split):
        return ()
    paths = dataset.split(split)
    places = np.linspace(0, len(paths) - 1, min(EXAMPLES, len(paths))).round().astype(int)
    return tuple(_png(read_image(paths[place]), size) for place in places)


def _png(image: Image.Image, size: Size) -> bytes:
    # Pixels alone go on: what Pillow has read beside them would be written again.
    plain = Image.fromarray(np.asarray(resize(image, size)))
    out = io.BytesIO()
    plain.save(out, format="PNG", compress_level=0)
    return out.getvalue()


def _area(size: Size) -> int:
    return size * size if isinstance(size, int) else size[0] * size[1]


def _digest(path: Path) -> str:
    """Of a file that decodes: a rater must not be the one who finds that it does not."""
    content = read_bytes(path)
    decode_image(path, content)
    return _sha256(content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
