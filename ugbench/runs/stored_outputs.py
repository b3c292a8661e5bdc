"""The outputs that a run keeps for its scores and figures: RUN/outputs/<direction>/, a file a test source."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ugbench.data.datasets import DataSet
from ugbench.data.images import Size, check_stems, is_image, read_size
from ugbench.data.splits import TEST, Split
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs.run import DATASET, Run, dataset_of

NOTE = "outputs.json"

Fingerprint = Callable[[DataSet, tuple[Split, ...]], str]
"""`DataSet.fingerprint`; where it is asked for many runs, `functools.cache` of it."""


@dataclass(frozen=True)
class Outputs:
    """What a run made of a data set's test sources, one way.

    Attributes:
        sources: those that have an output, sorted by name.
        files: their outputs, in the same order.
        size: of the outputs: the run's, or of another tool's outputs the commonest.
        format: of the files, in lower case: png, jpeg …
        step: steps that the weights were trained for; None where that is not known.
    """

    sources: tuple[Path, ...]
    files: tuple[Path, ...]
    size: Size
    format: str
    step: int | None


def outputs_of(run: Run, dataset: DataSet, direction: Direction, step: int | None = None) -> Outputs:
    """Where a run's outputs for the data set's test sources are, or will be once `make_outputs` has run.

    Args:
        step: whose weights; None is the last checkpoint.
    Raises:
        RunError: not one of the sources has an output, of another tool's.
        UsageError: two sources have one stem.
    """
    sources = dataset.split(TEST[direction[0]])
    check_stems(sources)
    if run.config.is_external:
        return _external(run, direction, sources)
    folder = run.path / "outputs" / direction
    files = tuple(folder / f"{path.stem}.png" for path in sources)
    at = run.step() if step is None else step
    return Outputs(
        tuple(sources), files, int(run.config.config["size"]), "png", None if run.config.origin is not None else at
    )


def made_at(run: Run, direction: Direction) -> int | None:
    """The step whose outputs were made in RUN/outputs/<direction>/; None where that was not done, or cut short."""
    try:
        return int(json.loads((run.path / "outputs" / direction / NOTE).read_text(encoding="utf-8"))["step"])
    except FileNotFoundError:
        return None


def are_made(run: Run, direction: Direction, outputs: Outputs) -> bool:
    """Whether these outputs all lie there, and are of their step; another tool's are of none."""
    at = run.step() if outputs.step is None else outputs.step
    of_step = run.config.is_external or made_at(run, direction) == at
    return of_step and all(file.exists() for file in outputs.files)


def sources_of(runs: Sequence[Run], direction: Direction, fingerprint: Fingerprint = DataSet.fingerprint) -> DataSet:
    """The data set of the first run where that is there and holds what the run's outputs were made of.

    Raises:
        RunError: no run's does; says what is wrong with the first.
        DataError: a data set is damaged.
    """
    wrong = []
    for run in runs:
        try:
            dataset = dataset_of(run)
            check_sources(run, direction, dataset, fingerprint)
        except RunError as error:
            wrong.append(error)
        else:
            return dataset
    raise wrong[0]


def check_sources(
    run: Run, direction: Direction, dataset: DataSet, fingerprint: Fingerprint = DataSet.fingerprint
) -> None:
    """Hold the test images against what the run's outputs were made of.

    Outputs of this tool have a note of their sources. Others, and those that were cut short, are held to the whole
    data set as it was when they were imported, or when its folder of results was made.

    Raises:
        RunError: they are others now.
        DataError: an image cannot be read.
    """
    source = TEST[direction[0]]
    note = run.path / "outputs" / direction / NOTE
    folder = run.path.parents[1] / DATASET
    if dataset.has(source):
        if note.exists():
            same = fingerprint(dataset, (source,)) == json.loads(note.read_text(encoding="utf-8"))["sources"]
        elif run.config.is_external and run.config.dataset is not None:
            same = fingerprint(dataset, dataset.splits()) == run.config.dataset.fingerprint
        elif folder.exists():
            whole = json.loads(folder.read_text(encoding="utf-8"))["fingerprint"]
            same = fingerprint(dataset, dataset.splits()) == whole
        else:
            same = True  # nothing says what they were made of
        if same:
            return
    mend = "import them again" if run.config.is_external else "run `ugbench eval` to make them again"
    raise RunError(
        f"outputs {direction} of run {run.id} ({run.config.label}) were made of other images than those now in "
        f"{dataset.root / source}; {mend}, or put the images back."
    )


def files_by_stem(run: Run, direction: Direction) -> dict[str, Path]:
    """The outputs that are there, by the stem of their sources; empty where there are none."""
    folder = run.path / "outputs" / direction
    return {path.stem: path for path in sorted(folder.iterdir()) if is_image(path)} if folder.is_dir() else {}


def commonest_size(files: list[Path]) -> Size:
    """Width and height that most files have; of equally common ones the largest. One number where square.

    Reads the files' headers alone.

    Raises:
        DataError: a file is no image.
    """
    counts = Counter(map(read_size, files))
    width, height = max(counts, key=lambda size: (counts[size], size))
    return width if width == height else (width, height)


def _external(run: Run, direction: Direction, sources: list[Path]) -> Outputs:
    found = files_by_stem(run, direction)
    pairs = [(source, found[source.stem]) for source in sources if source.stem in found]
    if not pairs:
        raise RunError(
            f"run {run.id} ({run.config.label}) has no output for any of {sources[0].parent}; import it again."
        )
    own, files = zip(*pairs, strict=True)
    kinds = Counter("jpeg" if file.suffix.lower() in (".jpg", ".jpeg") else file.suffix[1:].lower() for file in files)
    return Outputs(own, files, commonest_size(list(files)), "+".join(sorted(kinds)), None)
