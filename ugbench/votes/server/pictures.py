"""The pictures that raters see: sources and outputs as PNG files that differ in nothing but their pixels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from PIL import Image

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform, common_fit, fitted
from ugbench.data.images import read_bytes, read_image
from ugbench.data.splits import TRAIN
from ugbench.direction import Direction
from ugbench.errors import DataError, RunError, UsageError
from ugbench.file_names import readable
from ugbench.runs.known_images import are_known
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import check_sources, outputs_of, outputs_step
from ugbench.votes.poll import Candidate, Poll

EXAMPLES = 4


@dataclass(frozen=True)
class PollPictures:
    """The pictures of one poll.

    Attributes:
        transform: the test transform of all pictures: the largest of the candidates' sizes, and their common fit.
        files: by the stem of the source: the source, then the output of each candidate.
        digests: SHA-256 of each of these files at the time when the poll was opened.
        examples: training images of the target domain, as PNG; empty where there is no train split.
    """

    poll: Poll
    transform: Transform
    files: Mapping[str, tuple[Path, ...]]
    digests: Mapping[str, tuple[str, ...]]
    examples: tuple[bytes, ...]


def prepare_pictures(runs: Sequence[Run], dataset: DataSet, name: str, direction: Direction) -> PollPictures:
    """A poll with its pictures: the runs' stored outputs, for the sources that all runs have translated.

    Args:
        runs: one run per candidate.
        name: the name of the data set's folder under results.
    Raises:
        RunError: a run has no stored outputs in this direction, or they were made of other images.
        UsageError: no source has an output of every run.
        DataError: a file cannot be read.
    """
    runs = sorted(runs, key=lambda run: run.config.label)
    for run in runs:
        check_sources(run, direction, dataset)
    outputs = [outputs_of(run, dataset, direction, _stored_step(run, direction)) for run in runs]
    # The names that raters' votes are stored under must be UTF-8.
    sources = {readable(source.stem): source for source in outputs[0].sources}
    output_files = [
        {readable(source.stem): file for source, file in zip(of_run.sources, of_run.files, strict=True)}
        for of_run in outputs
    ]
    stems = [stem for stem in sources if all(stem in files for files in output_files)]
    if not stems:
        labels = ", ".join(run.config.label for run in runs)
        raise UsageError(f"{name} {direction}: no test image has an output of each of {labels}; import or score more.")
    files = {stem: (sources[stem], *(of_run[stem] for of_run in output_files)) for stem in stems}
    digests = {stem: tuple(_checked_digest(path) for path in paths) for stem, paths in files.items()}
    candidates = tuple(
        Candidate(run.config.known_as, run.config.variant, run.config.name, run.id, run.config.seed, of_run.step)
        for run, of_run in zip(runs, outputs, strict=True)
    )
    all_digests = "\n".join(f"{stem}\0{' '.join(digests[stem])}" for stem in sorted(stems))
    poll = Poll(name, direction, candidates, _sha256(all_digests.encode()))
    size = max((of_run.transform.width_and_height for of_run in outputs), key=prod)
    transform = Transform(size, common_fit(of_run.transform.fit for of_run in outputs))
    return PollPictures(poll, transform, files, digests, _examples(runs, dataset, direction, transform))


def render(pictures: PollPictures, stem: str) -> tuple[bytes, ...]:
    """A source and the candidates' outputs as PNG, in the order of `PollPictures.files`.

    All have the same width, height, mode and number of bytes (nothing is compressed), and no metadata.

    Raises:
        DataError: a file is gone, or has changed since the poll was opened.
    """
    rendered = []
    for path, digest in zip(pictures.files[stem], pictures.digests[stem], strict=True):
        content = read_bytes(path)
        if _sha256(content) != digest:
            raise DataError(f"{path} has changed since the poll was opened; start `ugbench vote` again.")
        rendered.append(_png(read_image(path, content), pictures.transform))
    return tuple(rendered)


def _stored_step(run: Run, direction: Direction) -> int | None:
    """The step at which the stored outputs were made; None for another tool's outputs."""
    if run.config.is_external:
        return None
    step = outputs_step(run, direction)
    if step is None:
        raise RunError(
            f"run {run.id} ({run.config.label}) has no stored outputs {direction}; run `ugbench eval {run.id}` to make "
            "them."
        )
    return step


def _examples(runs: Sequence[Run], dataset: DataSet, direction: Direction, transform: Transform) -> tuple[bytes, ...]:
    """Training images of the target domain, evenly spread. A test image could show the answer to a question.

    None are shown if no run was trained on these images, or imported for them.
    """
    split = TRAIN[direction[2]]
    records = [(run, run.config.dataset) for run in runs]
    if not dataset.has(split) or not any(record and are_known(split, dataset, run, record) for run, record in records):
        return ()
    paths = dataset.split(split)
    indices = np.linspace(0, len(paths) - 1, min(EXAMPLES, len(paths))).round().astype(int)
    return tuple(_png(read_image(paths[index]), transform) for index in indices)


def _png(image: Image.Image, transform: Transform) -> bytes:
    # A new image from the pixels alone: Pillow would also write the metadata that it has read.
    pixels = Image.fromarray(np.asarray(fitted(image, transform)))
    content = io.BytesIO()
    pixels.save(content, format="PNG", compress_level=0)
    return content.getvalue()


def _checked_digest(path: Path) -> str:
    """SHA-256 of an image file. Decodes it too, so that a broken file is found before a rater meets it."""
    content = read_bytes(path)
    read_image(path, content)
    return _sha256(content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
