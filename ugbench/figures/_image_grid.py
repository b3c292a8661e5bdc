"""Figures of images: a row a test image, a column a heading, blocks of rows below each other."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.data.images import read_image, resize
from ugbench.data.splits import TEST
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UsageError
from ugbench.figures import _style
from ugbench.figures._context import FigureContext
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import check_sources, files_by_stem, sources_of

LARGEST, SMALLEST = 1.1, 0.4  # inches: an image's side
GAP, MARGIN = 0.03, 0.12  # inches: between images, for the stems
LINE, LETTER = 0.11, 0.055  # inches: a line of a column's heading, and one letter
STEM = 6  # points


File = Callable[[str], Path | None]
"""The file to show for a stem, or None."""


@dataclass(frozen=True)
class Column:
    """A heading and the files below it."""

    title: str
    file: File


Columns = Callable[[DataSet, Sequence[Run], Direction, Sequence[str]], Sequence[Column]]
"""(data set, runs that translate this way, direction, stems of the rows) -> what to show; nothing for no rows."""


def draw(context: FigureContext, columns: Columns, missing: str) -> Figure:
    """Rows of test images, a block a direction.

    The images are spread evenly over the sorted sources that every run has translated; nobody picked them.
    All are shown at the runs' size, as the networks saw them. An output never stands beside another image than it was
    made of.

    Args:
        missing: what there is not, where no direction has any columns.
    Raises:
        UsageError: no runs, runs of several data sets, nothing to show, or more than fits on a page.
        RunError: the data set is no longer where it was, or its test images are not those of a run's outputs.
        DataError: an image cannot be read.
    """
    runs = context.chosen_of_one_dataset()
    fingerprint = functools.cache(DataSet.fingerprint)
    size = max(int(run.config.config.get("size", 256)) for run in runs)
    blocks, there = [], "nothing"
    for direction in DIRECTIONS if context.direction is None else (context.direction,):
        able = [run for run in runs if direction in run.directions()]
        translated = [run for run in able if files_by_stem(run, direction)]
        if not translated:
            continue
        dataset = sources_of(translated, direction, fingerprint)
        for run in translated:
            check_sources(run, direction, dataset, fingerprint)
        stems = _stems(dataset, translated, direction, context.limit)
        there = "rows" if stems or there == "rows" else "outputs"
        if stems and (own := columns(dataset, able, direction, stems)):
            blocks.append((stems, own))
    if not blocks:
        where = runs[0].outputs(context.direction or "A2B")
        reasons = {
            "nothing": f"no {missing}, in {where} for one; run `ugbench eval` to make them.",
            "outputs": "no test image has an output of each of these runs; draw fewer: --run RUN for each.",
            "rows": f"no {missing}: what made them draws none; choose other runs: --run RUN for each.",
        }
        raise UsageError(reasons[there])
    return _draw(blocks, size)


def sources(dataset: DataSet, domain: str) -> Column:
    """The test images of a domain, "A" or "B", as the input."""
    return Column(f"input ({domain})", by_stem(dataset, domain).get)


def by_stem(dataset: DataSet, domain: str) -> dict[str, Path]:
    """The test images of a domain by their stems, sorted by name."""
    return {path.stem: path for path in dataset.split(TEST[domain])}


def overlays(run: Run, direction: Direction, stems: Sequence[str], name: str = "") -> File | None:
    """Where a run's kept overlays of a heat map are, by stem; None where it has none of these stems.

    Args:
        name: of a map beyond the main one.
    """
    folder = run.overlays(direction) / name

    def file(stem: str) -> Path | None:
        path = folder / f"{stem}.png"
        return path if path.exists() else None

    return file if any(file(stem) for stem in stems) else None


def _stems(dataset: DataSet, runs: Sequence[Run], direction: Direction, limit: int) -> list[str]:
    """Stems of sources, evenly spread, of which every run has an output."""
    outputs = [files_by_stem(run, direction) for run in runs]
    stems = [stem for stem in by_stem(dataset, direction[0]) if all(stem in files for files in outputs)]
    places = np.linspace(0, len(stems) - 1, min(limit, len(stems))).round().astype(int)
    return [stems[place] for place in places]


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


def _titles(blocks: Sequence[tuple[Sequence[str], Sequence[Column]]], side: float) -> list[list[list[str]]]:
    """Headings in lines that fit over images of this side, by block and column."""
    letters = max(6, int(side / LETTER))
    return [
        [textwrap.wrap(column.title, letters, break_on_hyphens=False) for column in columns] for _, columns in blocks
    ]


def _heads(titles: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    """Inches of each block's headings."""
    return [LINE * max(map(len, own)) + 0.06 for own in titles]


def _side(blocks: Sequence[tuple[Sequence[str], Sequence[Column]]], most: int, rows: int) -> float:
    """The images' side in inches, the largest at which columns and rows fit on a page.

    Raises:
        UsageError: they would be too small to see.
    """
    side = min(LARGEST, (_style.WIDTH - MARGIN) / most - GAP)
    if side < SMALLEST:
        raise UsageError(f"{most} columns of images do not fit on a page; draw fewer runs: --run RUN for each.")
    while side >= SMALLEST:
        fits = (_style.HEIGHT - sum(_heads(_titles(blocks, side)))) / rows - GAP
        if fits >= side:
            return side
        side = fits  # smaller images have narrower, so perhaps higher, headings
    less = "--rows N, or --direction A2B" if len(blocks) > 1 else "--rows N"
    raise UsageError(f"{rows} rows of images do not fit on a page; draw fewer: {less}.")


def _draw(blocks: Sequence[tuple[Sequence[str], Sequence[Column]]], size: int) -> Figure:
    most, rows = max(len(columns) for _, columns in blocks), sum(len(stems) for stems, _ in blocks)
    side = _side(blocks, most, rows)
    titles = _titles(blocks, side)
    heads = _heads(titles)
    grid = Grid(MARGIN + most * (side + GAP), sum(heads) + rows * (side + GAP), side)
    with _style.settings():
        figure = _style.blank(grid.width, grid.height, layout=None)
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
    figure.text(0.05 / grid.width, middle, name, rotation=90, ha="center", va="center", fontsize=STEM)
    for place, file in enumerate(files):
        axes = figure.add_axes(grid.box(place, bottom))
        axes.set_axis_off()
        if file is None:
            axes.text(0.5, 0.5, "none", ha="center", va="center", color="0.5")
        else:
            axes.imshow(np.asarray(resize(read_image(file), size)), aspect="auto")
