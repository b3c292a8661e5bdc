"""The outputs (translated test images) of a run: RUN/outputs/<direction>/ holds one file for each test source.

`ugbench.inference.test_set.make_outputs` makes them; this module says where they are and whether they are up to date.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.images import check_stems, is_image, read_size
from ugbench.data.splits import TEST, Split
from ugbench.direction import Direction
from ugbench.errors import RunError, StaleOutputs
from ugbench.image_size import Size, as_size
from ugbench.runs import method_description
from ugbench.runs.files import check_tree, inside, is_file
from ugbench.runs.folder import DATASET
from ugbench.runs.json_file import read_json
from ugbench.runs.run import Run, dataset_of

CODES_PER_IMAGE = 1

Fingerprint = Callable[[DataSet, tuple[Split, ...]], str]
"""`DataSet.fingerprint`, or `functools.cache` of it for a caller that needs it for many runs."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of a run for a data set's test sources in one direction.

    Attributes:
        sources: the sources that have an output, sorted by name.
        files: the file of each source's output, in the same order.
        transform: with which sources and references are compared with the outputs: the run's test transform, or
            squashing to the most common size of another tool's outputs.
        format: the format of the files in lower case, such as png or jpeg.
        step: the step of the weights that make the outputs; None for an imported run.
    """

    sources: tuple[Path, ...]
    files: tuple[Path, ...]
    transform: Transform
    format: str
    step: int | None

    @property
    def size(self) -> Size:
        """The size of the outputs, px."""
        return self.transform.size


class _Note(NamedTuple):
    """What the outputs were made with, as outputs.json says.

    Attributes:
        step: of the weights.
        sources: the fingerprint of the sources.
        codes_per_image: see `codes_per_image`; None also in files of older versions.
    """

    step: int
    sources: str
    codes_per_image: int | None


def outputs_of(run: Run, dataset: DataSet, direction: Direction, step: int | None = None) -> Outputs:
    """The outputs of a run for the data set's test sources; `make_outputs` makes files that do not exist yet.

    Args:
        step: of the checkpoint that makes the outputs; None is the last one.
    Raises:
        RunError: the run holds outputs of another tool, and no source has one; or a link lies among the outputs.
        UsageError: two sources have the same stem.
    """
    sources = dataset.split(TEST[direction[0]])
    check_stems(sources)
    check_tree(run.outputs(direction))
    if run.config.is_external:
        return _external(run, direction, sources)
    files = tuple(run.outputs(direction) / f"{path.stem}.png" for path in sources)
    if run.config.origin is not None:
        step = None
    elif step is None:
        step = run.step()
    return Outputs(tuple(sources), files, run.config.transform, "png", step)


def outputs_step(run: Run, direction: Direction) -> int | None:
    """The step of the weights that made the stored outputs; None if there are none or their making was interrupted.

    Raises:
        RunError: outputs.json is damaged.
    """
    note = _read_note(run, direction)
    return None if note is None else note.step


def stored_step(run: Run, direction: Direction) -> int | None:
    """The step at which the stored outputs were made; None if there are none, and for an imported run."""
    return outputs_step(run, direction) if run.config.origin is None else None


def are_stored(run: Run, dataset: DataSet, direction: Direction, outputs: Outputs) -> bool:
    """Whether the file of each of these outputs exists and was made at their step, from the images that are there now.

    If the method has a style, each image must have had a style of its own, which older versions did not give it.
    Imported outputs are always stored; `check_imported` says whether they belong to the images.
    """
    if run.config.is_external:
        return True
    step = run.step() if outputs.step is None else outputs.step
    made_of = _Note(step, dataset.fingerprint((TEST[direction[0]],)), codes_per_image(run))
    return _read_note(run, direction) == made_of and all(file.exists() for file in outputs.files)


def check_imported(run: Run, direction: Direction, dataset: DataSet) -> None:
    """Check that imported outputs were made from the data set's test images, if a file says from which they were made.

    Raises:
        StaleOutputs: they were made from other images.
        DataError: an image cannot be read.
    """
    record = run.config.dataset
    if not run.config.is_external or record is None:
        return
    if TEST[direction[0]] in record.fingerprints or _read_note(run, direction) is not None:
        check_sources(run, direction, dataset)


def sources_of(runs: Sequence[Run], direction: Direction, fingerprint: Fingerprint = DataSet.fingerprint) -> DataSet:
    """The data set of the first run that still has the test images from which its outputs were made.

    Raises:
        RunError: no run has; the message says what is wrong with the first run.
        DataError: a data set is damaged.
    """
    errors = []
    for run in runs:
        try:
            dataset = dataset_of(run)
            check_sources(run, direction, dataset, fingerprint)
        except RunError as error:
            errors.append(error)
        else:
            return dataset
    raise errors[0]


def check_sources(
    run: Run, direction: Direction, dataset: DataSet, fingerprint: Fingerprint = DataSet.fingerprint
) -> None:
    """Check that a data set's test images are still those from which the run's outputs were made.

    outputs.json holds the fingerprint of the sources. Without it (imported outputs, or outputs whose making was
    interrupted) all images of the data set must be those of the import, or of the time when dataset.json was written.
    Without any of these files no image is accepted: config.json alone could name any folder of this machine.

    Raises:
        StaleOutputs: the images have changed.
        RunError: no file says which they were.
        DataError: an image cannot be read.
    """
    split = TEST[direction[0]]
    note = _read_note(run, direction)
    dataset_file = inside(run.results, run.dataset_folder.name, DATASET)
    splits, expected = dataset.splits(), None
    if note is not None:
        splits, expected = (split,), note.sources
    elif run.config.is_external and (record := run.config.dataset) is not None:
        expected = record.fingerprint
        if split in record.fingerprints:  # as in all but the imports of older versions
            splits, expected = (split,), record.fingerprints[split]
    elif is_file(dataset_file):
        expected = read_json(dataset_file).get("fingerprint")
    if dataset.has(split) and expected is not None and fingerprint(dataset, splits) == expected:
        return
    fix = "import them again" if run.config.is_external else f"run `ugbench eval {run.id}` to make them again"
    if expected is None:
        raise RunError(
            f"no file says what the outputs {direction} of run {run.id} ({run.config.label}) were made of; {fix}."
        )
    raise StaleOutputs(
        f"outputs {direction} of run {run.id} ({run.config.label}) were made of other images than those now in "
        f"{dataset.root / split}; {fix}, or put the images back."
    )


def files_by_stem(run: Run, direction: Direction) -> dict[str, Path]:
    """The stored outputs by the stem of their source; empty if there are none.

    Raises:
        RunError: a link lies among the outputs or their attention maps.
    """
    folder = run.outputs(direction)
    check_tree(folder)
    return {path.stem: path for path in sorted(folder.iterdir()) if is_image(path)} if folder.is_dir() else {}


def commonest_size(files: Collection[Path]) -> Size:
    """The most common size of image files in px: (width, height), or one number for a square.

    Of sizes that are equally common the largest counts. Only the headers of the files are read.

    Raises:
        DataError: a file is no image.
    """
    counts = Counter(map(read_size, files))
    return as_size(max(counts, key=lambda size: (counts[size], size)))


def transform_of(run: Run, files: Collection[Path]) -> Transform:
    """The transform with which other images are compared with these outputs of a run, see `Outputs`.

    Args:
        files: the outputs, of which there is at least one.
    Raises:
        DataError: a file is no image.
    """
    return Transform(commonest_size(files)) if run.config.is_external else run.config.transform


def codes_per_image(run: Run) -> int | None:
    """The number of styles that are drawn for each test image; None for a method without a style.

    It is None also where that is not known: for outputs of another tool, and for a method that is not installed.
    """
    if run.config.is_external or not method_description.style_dim_of(run, run.config.method):
        return None
    return CODES_PER_IMAGE


def _read_note(run: Run, direction: Direction) -> _Note | None:
    """What outputs.json says; None if there is no such file."""
    file = run.outputs_note(direction)
    if not is_file(file):
        return None
    note = read_json(file)
    if not isinstance(note.get("step"), int) or not isinstance(note.get("sources"), str):
        raise RunError(f"{file} names no step and sources; to fix this, remove it and run `ugbench eval`.")
    return _Note(note["step"], note["sources"], note.get("codes_per_image"))


def _external(run: Run, direction: Direction, sources: list[Path]) -> Outputs:
    outputs = files_by_stem(run, direction)
    pairs = [(source, outputs[source.stem]) for source in sources if source.stem in outputs]
    if not pairs:
        raise RunError(
            f"run {run.id} ({run.config.label}) has no output for any of {sources[0].parent}; import it again."
        )
    translated, files = zip(*pairs, strict=True)
    formats = Counter("jpeg" if file.suffix.lower() in (".jpg", ".jpeg") else file.suffix[1:].lower() for file in files)
    return Outputs(translated, files, transform_of(run, files), "+".join(sorted(formats)), None)
