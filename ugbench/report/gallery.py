"""Every test image of a data set beside what its runs made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ugbench.data.datasets import DataSet
from ugbench.data.images import Progress, Size
from ugbench.data.splits import TEST
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.report import cases
from ugbench.report.thumbnails import LOSSLESS, Pool, box_for
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import Fingerprint, check_sources, commonest_size, files_by_stem, sources_of
from ugbench.scoring.request import why_no_score

Kind = Literal["source", "output", "truth"]


@dataclass(frozen=True)
class Cell:
    """One image: its place in the pool and its attention overlay's, None where there is none; and its score."""

    image: int | None
    attention: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class Column:
    """Sources, the outputs of a run, or the truth.

    Attributes:
        about: which step and seed; empty where there is nothing to say.
        cells: one a stem, in the gallery's order.
    """

    kind: Kind
    label: str
    about: str
    cells: tuple[Cell, ...]

    @property
    def has_attention(self) -> bool:
        """Whether any cell has an overlay."""
        return any(cell.attention is not None for cell in self.cells)

    @property
    def ranked(self) -> list[int]:
        """Places of the cells that have a score, the best first."""
        scores = [(cell.score, place) for place, cell in enumerate(self.cells) if cell.score is not None]
        return [place for _, place in sorted(scores)]


@dataclass(frozen=True)
class Gallery:
    """Every test image of one direction, a row each.

    Attributes:
        sharp: thumbnails hold every pixel of a small image, so a page enlarges them without blur.
        scores: what the scores of single images are, or why there are none.
        missing: why there are no sources, or why a run is left out; a sentence each.
        notes: what was left out, and what was done to the images.
    """

    direction: Direction
    stems: tuple[str, ...]
    columns: tuple[Column, ...]
    sharp: bool
    scores: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def outputs(self) -> list[Column]:
        """The columns of runs."""
        return [column for column in self.columns if column.kind == "output"]

    def beside(self, column: Column) -> list[Column]:
        """What a case of this column shows, from above: source, output and truth, as far as they are there."""
        return [one for one in self.columns if one.kind != "output" or one is column]

    @property
    def scored(self) -> bool:
        """Whether single images have scores."""
        return any(column.ranked for column in self.outputs)


@dataclass(frozen=True)
class _Files:
    """A column before its thumbnails are made; all by stem."""

    kind: Kind
    label: str
    about: str
    images: Mapping[str, Path]
    attention: Mapping[str, Path] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)

    def cell(self, stem: str, pool: Pool, box: tuple[int, int]) -> Cell:
        image, attention = (
            None if (file := files.get(stem)) is None else pool.place(file, box)
            for files in (self.images, self.attention)
        )
        return Cell(image, attention, self.scores.get(stem))


def gallery(
    runs: Sequence[Run],
    direction: Direction,
    pool: Pool,
    counted: Collection[str] = (),
    progress: Progress | None = None,
    fingerprint: Fingerprint = DataSet.fingerprint,
) -> Gallery | None:
    """What a data set's runs made of its test images, one way; None where no run has outputs.

    The test images are those of the first run whose data set is there and as it was. Runs whose outputs were made of
    other images are left out, since a row would show two of one name. Where no data set is there and as it was, the
    outputs stand alone. All thumbnails have one size: that of the largest run's outputs, scaled down where needed.

    Args:
        counted: ids of the runs that the table of scores counts; they are shown before others of their seed.
        progress: called after each row.
        fingerprint: keeps what it has computed, where several galleries are made.
    Raises:
        DataError: an image cannot be read, or the data set is damaged.
    """
    shown = shown_runs(runs, direction, counted)
    if not shown:
        return None
    chosen = {label: own[0] for label, own in shown.items()}
    dataset, chosen, missing = _open(chosen, direction, fingerprint)
    outputs = {label: files_by_stem(run, direction) for label, run in chosen.items()}
    sizes = {label: _size(run, outputs[label]) for label, run in chosen.items()}
    sources, targets = (_test_images(dataset, direction[place]) for place in (0, 2))
    truth = targets if dataset is not None and dataset.dial is not None else {}
    changes = dataset is not None and why_no_score("changed", dataset) is None
    columns = [_Files("source", f"source ({direction[0]})", "", sources)] if sources else []
    if truth and changes:
        scores = cases.of_truth({label: (outputs[label], sizes[label]) for label in chosen}, sources, truth)
    else:
        scores = cases.of_sets(chosen, direction)
    for label, run in chosen.items():
        attention = {stem: file for stem, file in _attention(run, direction).items() if stem in outputs[label]}
        own = scores.values.get(label, {})
        columns.append(_Files("output", label, _about(run, direction), outputs[label], attention, own))
    if truth:
        columns.append(_Files("truth", f"truth ({direction[2]})", "", truth))
    width, height = max(_pair(size) for size in sizes.values())
    box = box_for(width, height)
    stems = tuple(sources) or tuple(sorted({stem for files in outputs.values() for stem in files}))
    rows = []
    for stem in stems:
        rows.append([column.cell(stem, pool, box) for column in columns])
        if progress is not None:
            progress(len(rows), len(stems))
    made = tuple(
        Column(c.kind, c.label, c.about, tuple(cells))
        for c, cells in zip(columns, zip(*rows, strict=True), strict=True)
    )
    return Gallery(
        direction,
        stems,
        made,
        max(box) <= LOSSLESS,
        scores.about,
        missing,
        (
            *_unseen(runs, direction, {label: shown[label][0] for label in chosen}, counted),
            *_notes({label: shown[label] for label in chosen}, (width, height), box),
        ),
    )


def shown_runs(runs: Iterable[Run], direction: Direction, counted: Collection[str]) -> dict[str, list[Run]]:
    """The runs with outputs this way by label, of each label the one to show first.

    That is the lowest seed's; of several runs of a seed one that the table counts, else the one that trained longest.
    """
    able = [run for run in runs if files_by_stem(run, direction)]  # also of a method that is no longer installed
    able.sort(key=lambda run: _place(run, counted))
    found: dict[str, list[Run]] = {}
    for run in able:
        found.setdefault(run.config.label, []).append(run)
    return found


def _place(run: Run, counted: Collection[str]) -> tuple[str, int, bool, int, str]:
    """What runs of one label are sorted by: seed, whether the table counts it, and how long it trained."""
    return run.config.label, run.config.seed or 0, run.id not in counted, -run.step(), run.id


def _open(
    runs: Mapping[str, Run], direction: Direction, fingerprint: Fingerprint
) -> tuple[DataSet | None, dict[str, Run], tuple[str, ...]]:
    """The data set to show and the runs that belong to it, or none and all of them; and what is missing, and why."""
    try:
        dataset = sources_of(list(runs.values()), direction, fingerprint)
    except RunError as error:
        return None, dict(runs), (f"No test images are shown: {error}",)
    chosen, missing = {}, []
    for label, run in runs.items():
        try:
            check_sources(run, direction, dataset, fingerprint)
        except RunError as error:
            missing.append(f"{label} is left out: {error}")
        else:
            chosen[label] = run
    return dataset, chosen, tuple(missing)


def _test_images(dataset: DataSet | None, domain: str) -> dict[str, Path]:
    if dataset is None or not dataset.has(TEST[domain]):
        return {}
    return {path.stem: path for path in dataset.split(TEST[domain])}


def _attention(run: Run, direction: Direction) -> dict[str, Path]:
    folder = run.overlays(direction)
    return {file.stem: file for file in folder.glob("*.png")}


def _size(run: Run, outputs: Mapping[str, Path]) -> Size:
    """Of a run's outputs."""
    return commonest_size(list(outputs.values())) if run.config.is_external else int(run.config.config["size"])


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _about(run: Run, direction: Direction) -> str:
    step = cases.shown_step(run, direction)
    parts = ["" if run.config.seed is None else f"seed {run.config.seed}", "" if step is None else f"step {step:,}"]
    return ", ".join(filter(None, parts))


def _unseen(
    runs: Iterable[Run], direction: Direction, shown: Mapping[str, Run], counted: Collection[str]
) -> Iterator[str]:
    """Which runs would be shown if they kept outputs."""
    for run in runs:
        first = shown.get(run.config.label)
        if first is None or run.config.direction not in (None, direction) or files_by_stem(run, direction):
            continue
        if run.step() and _place(run, counted) < _place(first, counted):
            yield (
                f"{run.config.label}: run {first.id} is shown, since {run.id} (seed {run.config.seed}) keeps no "
                f"outputs {direction}; `ugbench eval {run.id}` makes them."
            )


def _notes(shown: Mapping[str, Sequence[Run]], size: tuple[int, int], box: tuple[int, int]) -> list[str]:
    notes = []
    for label, own in shown.items():
        if len(own) > 1:
            others = ", ".join(f"{run.id} (seed {run.config.seed})" for run in own[1:])
            notes.append(f"{label}: run {own[0].id} is shown, not {others}.")
    if max(box) > LOSSLESS:
        from_ = "" if size == box else f" of {size[0]} x {size[1]} px"
        notes.append(f"Images{from_} are shown at {box[0]} x {box[1]} px, compressed with loss.")
    return notes
