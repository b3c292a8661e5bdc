"""Test images beside what each run makes of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ugbench.data.datasets import TEST, DataSet
from ugbench.data.images import read_image, resize
from ugbench.errors import UsageError
from ugbench.kept_outputs import files_by_stem
from ugbench.method import DIRECTIONS, Direction
from ugbench.report import style
from ugbench.report.figure_context import FigureContext, label_runs
from ugbench.train.run import Run, dataset_of

TITLE = "test images, what each run makes of them, and the truth where it is known"

LARGEST, GAP, MARGIN = 1.1, 0.03, 0.12  # inches: an image's side, between images, for the stems
LINE, LETTER = 0.11, 0.055  # inches: a line of a column's heading, and one letter


@dataclass(frozen=True)
class Column:
    """A heading and the file to show for a stem, or None."""

    title: str
    file: Callable[[str], Path | None]


def draw(context: FigureContext) -> Figure:
    """A row a test image: input, attention where a run has overlays, an output a run, truth on a dial.

    The images are spread evenly over the sorted sources that every run has translated; nobody picked them.
    All are shown at the runs' size, as the networks saw them.

    Raises:
        UsageError: no runs, runs of several data sets, or no outputs of theirs.
        RunError: the data set is no longer where it was.
        DataError: an image cannot be read.
    """
    runs = context.chosen_of_one_dataset()
    dataset = dataset_of(runs[0])
    size = max(int(run.config.config.get("size", 256)) for run in runs)
    blocks = []
    for direction in DIRECTIONS if context.direction is None else (context.direction,):
        able = [run for run in runs if direction in run.directions()]
        stems = _stems(dataset, able, direction, context.limit)
        if stems:
            blocks.append((stems, _columns(dataset, able, direction, stems)))
    if not blocks:
        where = runs[0].path / "outputs" / (context.direction or "A2B")
        raise UsageError(f"no outputs to compare, in {where} for one; run `ugbench eval` to make them.")
    return _draw(blocks, size)


def _sources(dataset: DataSet, domain: str) -> dict[str, Path]:
    return {path.stem: path for path in dataset.split(TEST[domain])}


def _stems(dataset: DataSet, runs: Sequence[Run], direction: Direction, limit: int) -> list[str]:
    """Stems of sources, evenly spread, that all runs with outputs this way have; none without such runs."""
    outputs = [files for run in runs if (files := files_by_stem(run, direction))]
    if not outputs:
        return []
    stems = [stem for stem in _sources(dataset, direction[0]) if all(stem in files for files in outputs)]
    places = np.linspace(0, len(stems) - 1, min(limit, len(stems))).round().astype(int)
    return [stems[place] for place in places]


def _columns(dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]) -> list[Column]:
    source, target = direction[0], direction[2]
    labels = dict(zip((run.path for run in runs), label_runs(runs), strict=True))
    outputs = {run.path: run.path / "outputs" / direction for run in runs}
    seeing = [run for run in runs if any((outputs[run.path] / "attention" / f"{stem}.png").exists() for stem in stems)]
    columns = [Column(f"input ({source})", _sources(dataset, source).get)]
    for run in seeing:
        of = f" {labels[run.path]}" if len(runs) > 1 else ""
        columns.append(Column(f"attention{of}", _file_in(outputs[run.path] / "attention")))
    columns += [Column(labels[run.path], files_by_stem(run, direction).get) for run in runs]
    if dataset.dial is not None:
        # The test images of a dial come in pairs of one stem: the same scene in both domains.
        columns.append(Column(f"truth ({target})", _sources(dataset, target).get))
    return columns


def _file_in(folder: Path) -> Callable[[str], Path | None]:
    def file(stem: str) -> Path | None:
        path = folder / f"{stem}.png"
        return path if path.exists() else None

    return file


@dataclass(frozen=True)
class Grid:
    """Where things stand on a page, in inches from its lower left corner."""

    width: float
    height: float
    side: float

    def left(self, place: int) -> float:
        """Of a column of images."""
        return MARGIN + place * (self.side + GAP)

    def box(self, place: int, bottom: float) -> tuple[float, float, float, float]:
        """An image's place as matplotlib takes it: left, bottom, width, height in parts of the page."""
        corner = (self.left(place) / self.width, bottom / self.height)
        return (*corner, self.side / self.width, self.side / self.height)


def _draw(blocks: Sequence[tuple[Sequence[str], Sequence[Column]]], size: int) -> Figure:
    most = max(len(columns) for _, columns in blocks)
    side = min(LARGEST, (style.WIDTH - MARGIN) / most - GAP)
    letters = max(6, int(side / LETTER))
    titles = [[textwrap.wrap(column.title, letters) for column in columns] for _, columns in blocks]
    heads = [LINE * max(map(len, own)) + 0.06 for own in titles]
    rows = sum(len(stems) for stems, _ in blocks)
    grid = Grid(MARGIN + most * (side + GAP), sum(heads) + rows * (side + GAP), side)
    with style.settings():
        figure = style.blank(grid.width, grid.height, layout=None)
        top = grid.height
        for (stems, columns), own, head in zip(blocks, titles, heads, strict=True):
            top -= head
            for place, lines in enumerate(own):
                middle = (grid.left(place) + side / 2) / grid.width
                figure.text(middle, (top + 0.03) / grid.height, "\n".join(lines), ha="center", va="bottom")
            for stem in stems:
                top -= side + GAP
                _draw_row(figure, grid, top + GAP, stem, [column.file(stem) for column in columns], size)
    return figure


def _draw_row(figure: Figure, grid: Grid, bottom: float, stem: str, files: Sequence[Path | None], size: int) -> None:
    middle = (bottom + grid.side / 2) / grid.height
    name = stem if len(stem) <= 20 else f"{stem[:9]}…{stem[-9:]}"
    figure.text(0.05 / grid.width, middle, name, rotation=90, ha="center", va="center", fontsize=5)
    for place, file in enumerate(files):
        axes = figure.add_axes(grid.box(place, bottom))
        axes.set_axis_off()
        if file is None:
            axes.text(0.5, 0.5, "none", ha="center", va="center", color="0.5")
        else:
            axes.imshow(np.asarray(resize(read_image(file), size)), aspect="auto")
