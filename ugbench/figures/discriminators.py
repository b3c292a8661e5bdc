"""Where each discriminator looks in the translations it judges."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.direction import Direction
from ugbench.figures import _image_grid
from ugbench.figures._context import FigureContext, label_runs
from ugbench.figures._image_grid import Column
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem

TITLE = "translations, and where each discriminator looks in them"


def draw(context: FigureContext) -> Figure:
    """A row a test image: input; then, of each run with heat maps beyond the main one, the translation and those.

    Raises:
        UsageError: also where no run has such maps.
        UsageError, RunError, DataError: see `image_grid.draw`.
    """
    return _image_grid.draw(context, _columns, "heat map beyond the main one among these runs' outputs")


def _columns(dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]) -> list[Column]:
    columns = [_image_grid.sources(dataset, direction[0])]
    for run, label in zip(runs, label_runs(runs), strict=True):
        maps = [
            Column(f"{name}, {label}", file)
            for name in _names(run, direction)
            if (file := _image_grid.overlays(run, direction, stems, name))
        ]
        if maps:
            columns += [Column(label, files_by_stem(run, direction).get), *maps]
    return columns if len(columns) > 1 else []


def _names(run: Run, direction: Direction) -> list[str]:
    """The maps beyond the main one lie in folders of their names."""
    folder = run.overlays(direction)
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
