"""The test images of a data set beside the outputs of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Literal

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import common_fit
from ugbench.data.progress import Progress
from ugbench.data.splits import TEST
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.fit import Fit
from ugbench.image_size import size_text
from ugbench.report.gallery_rows import choose_rows
from ugbench.report.gallery_scores import (
    OutputFiles,
    SingleScores,
    read_contributions,
    score_against_truth,
)
from ugbench.report.thumbnails import LOSSLESS, Box, ThumbnailPool, box_for
from ugbench.runs.configurations import run_labels
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import (
    Fingerprint,
    check_sources,
    files_by_stem,
    sources_of,
    stored_step,
    transform_of,
)
from ugbench.scoring.request import why_no_score

Kind = Literal["source", "output", "truth"]


@dataclass(frozen=True)
class GalleryImage:
    """One image of a gallery.

    Attributes:
        thumbnail: index of its thumbnail in the pool; None where there is no image.
        attention: index of the thumbnail of its attention overlay; None where there is none.
        score: the score of this single image; None where there is none.
        words: what is written about the score under the image.
    """

    thumbnail: int | None
    attention: int | None = None
    score: float | None = None
    words: str = ""


@dataclass(frozen=True)
class GalleryColumn:
    """The sources, the outputs of one run, or the truth.

    Attributes:
        about: step and seed of the outputs; empty where there is nothing to say.
        images: one image per stem, in the order of the gallery's stems.
    """

    kind: Kind
    label: str
    about: str
    images: tuple[GalleryImage, ...]

    @property
    def has_attention(self) -> bool:
        """Whether any image has an attention overlay."""
        return any(image.attention is not None for image in self.images)

    @property
    def ranked(self) -> list[int]:
        """Row numbers of the images that have a score, the best first."""
        scores = [(image.score, row) for row, image in enumerate(self.images) if image.score is not None]
        return [row for _, row in sorted(scores)]


@dataclass(frozen=True)
class Gallery:
    """The test images of one direction, one row each.

    Attributes:
        cases: how many of the best, and of the worst, outputs of each run are shown beside each other.
        sharp: whether thumbnails hold every pixel of small images, so that the page enlarges them without blur.
        scores: a sentence that says what the scores of single images are, or why there are none.
        missing: sentences that say why there are no sources, or why a run is left out.
        notes: sentences that say which images and runs are not shown, and what was done to the images.
    """

    direction: Direction
    stems: tuple[str, ...]
    columns: tuple[GalleryColumn, ...]
    cases: int
    sharp: bool
    scores: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def outputs(self) -> list[GalleryColumn]:
        """The columns of runs."""
        return [column for column in self.columns if column.kind == "output"]

    def beside(self, output: GalleryColumn) -> list[GalleryColumn]:
        """The columns of source, this output and truth, as far as they are there."""
        return [column for column in self.columns if column.kind != "output" or column is output]

    @property
    def scored(self) -> bool:
        """Whether single images have scores."""
        return any(column.ranked for column in self.outputs)


@dataclass(frozen=True)
class _ColumnFiles:
    """A column before its images are chosen; files, scores and the words for them are by stem."""

    kind: Kind
    label: str
    about: str
    files: Mapping[str, Path]
    attention: Mapping[str, Path] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def image(self, stem: str, pool: ThumbnailPool, box: Box, fit: Fit) -> GalleryImage:
        thumbnail, attention = (
            None if (file := files.get(stem)) is None else pool.index(file, box, fit)
            for files in (self.files, self.attention)
        )
        return GalleryImage(thumbnail, attention, self.scores.get(stem), self.words.get(stem, ""))


def make_gallery(
    runs: Sequence[Run],
    direction: Direction,
    pool: ThumbnailPool,
    most: int,
    progress: Progress | None,
    fingerprint: Fingerprint,
) -> Gallery | None:
    """The gallery of a data set's runs in one direction; None where no run has outputs.

    The sources are those of the first run whose data set is there and unchanged. Runs with outputs of other images are
    left out, since a row would show two images of one name. If no run has such a data set, only outputs are shown. All
    thumbnails have one size: that of the largest run's outputs, scaled down where needed. Sources are fitted to it as
    the runs fit them, or squashed if the runs differ.

    Args:
        pool: the files of the images that are shown are added to it.
        most: largest number of rows; `choose_rows` chooses them.
        progress: called while images are scored, with the number of those that are done and of all.
        fingerprint: `DataSet.fingerprint`, cached because several galleries are made.
    Raises:
        DataError: an image cannot be read, or the data set is damaged.
    """
    runs_by_label = order_runs(runs, direction)
    if not runs_by_label:
        return None
    first_runs = {label: same_label[0] for label, same_label in runs_by_label.items()}
    dataset, shown, missing = _select(first_runs, direction, fingerprint)
    outputs = {label: _outputs(run, direction) for label, run in shown.items()}
    size = max((of_run.transform.width_and_height for of_run in outputs.values()), key=prod)
    fit = common_fit(of_run.transform.fit for of_run in outputs.values())
    box = box_for(*size)
    scores = _single_scores(dataset, shown, outputs, direction, progress)
    columns = _columns(dataset, shown, outputs, direction, scores)
    stems = tuple(_test_images(dataset, direction[0]))
    stems = stems or tuple(sorted({stem for of_run in outputs.values() for stem in of_run.files}))
    rows = choose_rows(stems, {label: ranked for label in shown if (ranked := scores.ranked(label))}, most)
    sharp, original = max(box) <= LOSSLESS, "" if size == box else f" of {size_text(size)} px"
    lossy = [] if sharp else [f"Images{original} are shown at {size_text(box)} px, compressed with loss."]
    return Gallery(
        direction,
        rows.stems,
        tuple(
            GalleryColumn(
                column.kind,
                column.label,
                column.about,
                tuple(column.image(stem, pool, box, fit) for stem in rows.stems),
            )
            for column in columns
        ),
        rows.cases,
        sharp,
        scores.description,
        tuple(missing),
        (
            *filter(None, [rows.note]),
            *_notes_on_runs_without_outputs(runs, direction, shown),
            *_notes_on_other_seeds({label: runs_by_label[label] for label in shown}),
            *lossy,
        ),
    )


def order_runs(runs: Iterable[Run], direction: Direction) -> dict[str, list[Run]]:
    """The runs with outputs in this direction by label, see `run_labels`. The first run of each label is shown.

    It is the one with the lowest seed.
    """
    runs = list(runs)
    labels = run_labels(runs)
    # Outputs decide, not the method's directions, so that a run of a method that is no longer installed is shown too.
    with_outputs = [run for run in runs if files_by_stem(run, direction)]
    by_label: dict[str, list[Run]] = {}
    for run in sorted(with_outputs, key=lambda run: (labels[run.id], _sort_key(run))):
        by_label.setdefault(labels[run.id], []).append(run)
    return by_label


def _sort_key(run: Run) -> tuple[int, str]:
    return run.config.seed or 0, run.id


def _select(
    runs: Mapping[str, Run], direction: Direction, fingerprint: Fingerprint
) -> tuple[DataSet | None, Mapping[str, Run], list[str]]:
    """What can be shown: the data set of the sources, the runs by label, and why something is missing, in sentences.

    The data set is None where it is gone or has changed.
    """
    try:
        dataset = sources_of(list(runs.values()), direction, fingerprint)
    except RunError as error:
        return None, runs, [f"Sources are not shown: {error}"]
    selected, missing = {}, []
    for label, run in runs.items():
        try:
            check_sources(run, direction, dataset, fingerprint)
        except RunError as error:
            missing.append(f"{label} is left out: {error}")
        else:
            selected[label] = run
    return dataset, selected, missing


def _single_scores(
    dataset: DataSet | None,
    runs: Mapping[str, Run],
    outputs: Mapping[str, OutputFiles],
    direction: Direction,
    progress: Progress | None,
) -> SingleScores:
    if dataset is not None and dataset.dial is not None and why_no_score("changed", dataset) is None:
        sources, truth = _test_images(dataset, direction[0]), _test_images(dataset, direction[2])
        if truth:
            return score_against_truth(outputs, sources, truth, progress)
    return read_contributions(runs, direction, dataset)


def _columns(
    dataset: DataSet | None,
    runs: Mapping[str, Run],
    outputs: Mapping[str, OutputFiles],
    direction: Direction,
    scores: SingleScores,
) -> list[_ColumnFiles]:
    sources = _test_images(dataset, direction[0])
    # Test images that are pairs have one stem in both domains.
    truth = _test_images(dataset, direction[2]) if dataset is not None and dataset.paired else {}
    columns = [_ColumnFiles("source", f"source ({direction[0]})", "", sources)] if sources else []
    for label, run in runs.items():
        files = outputs[label].files
        attention = {file.stem: file for file in run.overlays(direction).glob("*.png") if file.stem in files}
        about = _about(run, direction)
        values, words = scores.values.get(label, {}), scores.words(label)
        columns.append(_ColumnFiles("output", label, about, files, attention, values, words))
    if truth:
        columns.append(_ColumnFiles("truth", f"truth ({direction[2]})", "", truth))
    return columns


def _test_images(dataset: DataSet | None, domain: str) -> dict[str, Path]:
    if dataset is None or not dataset.has(TEST[domain]):
        return {}
    return {path.stem: path for path in dataset.split(TEST[domain])}


def _outputs(run: Run, direction: Direction) -> OutputFiles:
    files = files_by_stem(run, direction)
    return OutputFiles(files, transform_of(run, files.values()))


def _about(run: Run, direction: Direction) -> str:
    step = stored_step(run, direction)
    parts = ["" if run.config.seed is None else f"seed {run.config.seed}", "" if step is None else f"step {step:,}"]
    return ", ".join(filter(None, parts))


def _notes_on_runs_without_outputs(
    runs: Iterable[Run], direction: Direction, shown: Mapping[str, Run]
) -> Iterator[str]:
    """A note for each run that would be shown if it had stored outputs."""
    runs = list(runs)
    labels = run_labels(runs)
    for run in runs:
        first = shown.get(labels[run.id])
        if first is None or run.config.direction not in (None, direction) or files_by_stem(run, direction):
            continue
        if run.step() and _sort_key(run) < _sort_key(first):
            yield (
                f"{labels[run.id]}: run {first.id} is shown, since {run.id} (seed {run.config.seed}) keeps no "
                f"outputs {direction}; `ugbench eval {run.id}` makes them."
            )


def _notes_on_other_seeds(runs_by_label: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    for label, (shown, *others) in runs_by_label.items():
        if others:
            names = ", ".join(f"{run.id} (seed {run.config.seed})" for run in others)
            yield f"{label}: run {shown.id} is shown, not {names}."
