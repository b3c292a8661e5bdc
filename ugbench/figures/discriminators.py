"""Outputs, and the attention maps of each discriminator on them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.direction import Direction
from ugbench.figures import _image_grid
from ugbench.figures._context import FigureContext, label_runs
from ugbench.figures._image_grid import ImageColumn
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem

TITLE = "outputs, and the attention map of each discriminator on them"


def draw(context: FigureContext) -> Figure:
    """One row per test image: the input; then, for each run with maps beyond the main one, its output and these maps.

    Raises:
        UsageError: no run has such maps, and as `_image_grid.draw`.
        RunError, DataError: as `_image_grid.draw`.
    """
    return _image_grid.draw(context, _columns, "attention map beyond the main one among these runs' outputs")


def _columns(dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]) -> list[ImageColumn]:
    columns = [_image_grid.source_column(dataset, direction[0])]
    for run, label in zip(runs, label_runs(runs), strict=True):
        maps = [
            ImageColumn(f"{name}, {label}", overlay)
            for name in _map_names(run, direction)
            if (overlay := _image_grid.overlay_files(run, direction, stems, name))
        ]
        if maps:
            columns += [ImageColumn(label, files_by_stem(run, direction).get), *maps]
    return columns if len(columns) > 1 else []


def _map_names(run: Run, direction: Direction) -> list[str]:
    """The names of the maps beyond the main one: each has a folder of its name."""
    folder = run.overlays(direction)
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
