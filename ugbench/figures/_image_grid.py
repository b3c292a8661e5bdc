"""Figures of images: one row per test image, one column per heading, one block of rows per direction."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform, common_fit, fitted
from ugbench.data.images import read_image
from ugbench.data.splits import TEST
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UsageError
from ugbench.figures import _style, _text
from ugbench.figures._context import FigureContext
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import check_sources, files_by_stem, sources_of, transform_of
from ugbench.visible import visible

LARGEST, SMALLEST = 1.1, 0.4  # inches: width of an image
GAP, MARGIN = 0.03, 0.12  # inches: between images; left of them, for the stems
LINE, LETTER = 0.11, 0.055  # inches: height of a heading's line, and width of a letter in it, at LARGE points
LARGE, SMALL = 7, 5  # points: the usual size of headings, and the least where a word is wider than its image
STEM, STEM_LETTER = 6, 0.047  # size of a stem in points, and width of a letter in it in inches


@dataclass(frozen=True)
class ImageColumn:
    """A heading and the files below it, by the name of the row."""

    title: str
    files: Mapping[str, Path]


ChooseColumns = Callable[[DataSet, Sequence[Run], Direction, Sequence[str]], Sequence[ImageColumn]]
"""(data set, runs that translate in this direction, direction, stems of the rows) -> columns; empty: no rows."""


@dataclass(frozen=True)
class _Headings:
    """The lines of each column's heading, and their size in points."""

    size: int
    lines: Sequence[Sequence[str]]

    @property
    def height(self) -> float:
        """Height in inches."""
        return LINE * self.size / LARGE * max(map(len, self.lines)) + 0.06


@dataclass(frozen=True)
class Block:
    """Rows of images under one line of headings.

    Attributes:
        rows: what each row is called: the stem of a test image, or its rank.
        columns: their files by the name of the row.
        transforms: of the outputs of each run, see `ugbench.runs.stored_outputs.Outputs`.
    """

    rows: Sequence[str]
    columns: Sequence[ImageColumn]
    transforms: Sequence[Transform]

    def headings(self, image_width: float) -> _Headings:
        """The headings over images of this width in inches: smaller letters where a word would not fit else."""
        words = [word for column in self.columns for word in _text.plain(column.title).split()]
        widest = max(map(_text.letters, words), default=0)
        fitting = int(LARGE * image_width / (LETTER * widest)) if widest else LARGE
        size = max(SMALL, min(LARGE, fitting))
        most = int(image_width * LARGE / (LETTER * size))
        return _Headings(size, [_text.lines(column.title, most) for column in self.columns])


def draw(context: FigureContext, choose_columns: ChooseColumns, missing: str) -> Figure:
    """Rows of test images, one block per direction.

    The images are evenly spread over the sorted sources that every run has translated, or every n-th of them, so nobody
    has picked them. All are shown as the networks saw them: at the size of the runs, or at the largest size if the runs
    differ. If the runs fit images in different ways, inputs are squashed, so that they are shown whole. Outputs stand
    only beside the images that they were made from.

    Args:
        missing: what the error says is missing if no direction has a column, as in "outputs to compare".
    Raises:
        UsageError: no runs, runs of several data sets, nothing to show, or more than fits on a page.
        RunError: the data set is gone, or its test images are not those from which a run's outputs were made.
        DataError: an image cannot be read.
    """
    runs = context.selected_runs_of_one_dataset()
    fingerprint = functools.cache(DataSet.fingerprint)
    blocks: list[Block] = []
    has_outputs = has_stems = False
    for direction in DIRECTIONS if context.direction is None else (context.direction,):
        able = [run for run in runs if direction in run.directions()]
        translated = [run for run in able if files_by_stem(run, direction)]
        if not translated:
            continue
        has_outputs = True
        dataset = sources_of(translated, direction, fingerprint)
        for run in translated:
            check_sources(run, direction, dataset, fingerprint)
        stems = _choose_stems(dataset, translated, direction, context)
        has_stems = has_stems or bool(stems)
        if stems and (columns := choose_columns(dataset, able, direction, stems)):
            transforms = [transform_of(run, files_by_stem(run, direction).values()) for run in translated]
            blocks.append(Block(stems, columns, transforms))
    if has_stems and not blocks:
        raise UsageError(f"no {missing}: the methods of these runs make none; choose other runs: --run RUN for each.")
    if has_outputs and not blocks:
        raise UsageError("no test image has an output of each of these runs; draw fewer: --run RUN for each.")
    if not blocks:
        folder = runs[0].outputs(context.direction or "A2B")
        raise UsageError(f"no {missing}, for example in {folder}; run `ugbench eval` to make them.")
    return draw_blocks(blocks, context.names, "--rows N, or a larger N of --every")


def source_column(dataset: DataSet, domain: str) -> ImageColumn:
    """The test images of a domain, "A" or "B", as the input."""
    return ImageColumn(f"input ({domain})", images_by_stem(dataset, domain))


def truth_column(dataset: DataSet, domain: str) -> ImageColumn:
    """The test images of the target domain, "A" or "B", as the truth of a data set whose test images are pairs."""
    return ImageColumn(f"truth ({domain})", images_by_stem(dataset, domain))


def images_by_stem(dataset: DataSet, domain: str) -> dict[str, Path]:
    """The test images of a domain, "A" or "B", by their stems, sorted by name."""
    return {path.stem: path for path in dataset.split(TEST[domain])}


def overlay_files(run: Run, direction: Direction, stems: Sequence[str], name: str = "") -> dict[str, Path]:
    """The stored overlays of an attention map for these stems, as far as the run has them.

    Args:
        name: name of a map beyond the main one; empty for the main one.
    """
    folder = run.overlays(direction) / name
    return {stem: file for stem in stems if (file := folder / f"{stem}.png").exists()}


def _choose_stems(dataset: DataSet, runs: Sequence[Run], direction: Direction, context: FigureContext) -> list[str]:
    """Stems of sources that have an output of every run: every n-th, or at most `context.limit`, evenly spread."""
    outputs = [files_by_stem(run, direction) for run in runs]
    sources = images_by_stem(dataset, direction[0])
    stems = [stem for stem in sources if all(stem in files for files in outputs)]
    if context.every is not None:
        return stems[:: context.every]
    indices = np.linspace(0, len(stems) - 1, min(context.limit, len(stems))).round().astype(int)
    return [stems[index] for index in indices]


def _image_width(
    blocks: Sequence[Block], columns: int, rows: int, margin: float, proportion: float, fewer: str
) -> float:
    """The largest width of images, in inches, at which all columns and rows fit on a page.

    Args:
        margin: width left of the images, in inches.
        proportion: the height of an image divided by its width.
        fewer: the options that choose fewer rows.
    Raises:
        UsageError: the images would be too small to see.
    """
    image_width = min(LARGEST, (_style.WIDTH - margin) / columns - GAP)
    if image_width < SMALLEST:
        raise UsageError(f"{columns} columns of images do not fit on a page; draw fewer runs: --run RUN for each.")
    while image_width >= SMALLEST:
        fitting = (_style.HEIGHT - sum(block.headings(image_width).height for block in blocks)) / rows - GAP
        if fitting >= image_width * proportion:
            return image_width
        image_width = fitting / proportion  # headings over smaller images are narrower, so they may have more lines
    fix = f"{fewer}, or --direction A2B" if len(blocks) > 1 else fewer
    raise UsageError(f"{rows} rows of images do not fit on a page; draw fewer: {fix}.")


def draw_blocks(blocks: Sequence[Block], names: bool, fewer: str) -> Figure:
    """Draw blocks below each other, at the size of the runs' outputs, or at the largest where they differ.

    Args:
        names: write the name of each row beside it.
        fewer: the options that choose fewer rows, for the error.
    Raises:
        UsageError: there is more than fits on a page.
        DataError: an image cannot be read.
    """
    transforms = [transform for block in blocks for transform in block.transforms]
    size = max((transform.width_and_height for transform in transforms), key=prod)
    transform = Transform(size, common_fit(transform.fit for transform in transforms))
    columns = max(len(block.columns) for block in blocks)
    rows = sum(len(block.rows) for block in blocks)
    margin = MARGIN if names else 0.0
    across, down = transform.width_and_height
    image_width = _image_width(blocks, columns, rows, margin, down / across, fewer)
    image_height = image_width * down / across
    height = sum(block.headings(image_width).height for block in blocks) + rows * (image_height + GAP)
    width = margin + columns * (image_width + GAP)
    lefts = [margin + column * (image_width + GAP) for column in range(columns)]
    with _style.settings():
        figure = _style.blank(width, height, layout=None)
        top = height
        for block in blocks:
            headings = block.headings(image_width)
            top -= headings.height
            for left, lines in zip(lefts, headings.lines, strict=False):
                place = ((left + image_width / 2) / width, (top + 0.03) / height)
                figure.text(*place, "\n".join(lines), ha="center", va="bottom", fontsize=headings.size)
            for row in block.rows:
                top -= image_height + GAP
                bottom = top + GAP
                if names:
                    name = _text.shortened(visible(row), int(image_height / STEM_LETTER))
                    place = (0.05 / width, (bottom + image_height / 2) / height)
                    figure.text(*place, name, rotation=90, ha="center", va="center", fontsize=STEM)
                for left, column in zip(lefts, block.columns, strict=False):
                    place_of_image = (left / width, bottom / height, image_width / width, image_height / height)
                    axes = figure.add_axes(place_of_image)
                    axes.set_axis_off()
                    if (file := column.files.get(row)) is None:
                        axes.text(0.5, 0.5, "none", ha="center", va="center", color="0.5")
                    else:
                        axes.imshow(np.asarray(fitted(read_image(file), transform)), aspect="auto")
    return figure
