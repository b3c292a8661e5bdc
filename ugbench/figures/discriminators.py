"""Outputs, and the attention maps of each discriminator on them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.direction import Direction
from ugbench.figures import _image_grid
from ugbench.figures._context import FigureContext, label_runs
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem

TITLE = "outputs, and the attention map of each discriminator on them"


def draw(context: FigureContext) -> Figure:
    """One row per test image: the input; then, for each run with maps beyond the main one, its output and these maps.

    Raises:
        UsageError: no run has such maps, or see `_image_grid.draw`.
        RunError, DataError: see `_image_grid.draw`.
    """
    return _image_grid.draw(context, _columns, "attention map beyond the main one among these runs' outputs")


def _columns(
    dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]
) -> list[_image_grid.ImageColumn]:
    columns = [_image_grid.source_column(dataset, direction[0])]
    for run, label in zip(runs, label_runs(runs), strict=True):
        # Each map beyond the main one has a folder of its name.
        maps = [
            _image_grid.ImageColumn(f"{name}, {label}", overlay)
            for name in sorted(folder.name for folder in run.overlays(direction).glob("*/"))
            if (overlay := _image_grid.overlay_files(run, direction, stems, name))
        ]
        if maps:
            columns += [_image_grid.ImageColumn(label, files_by_stem(run, direction)), *maps]
    return columns if len(columns) > 1 else []
