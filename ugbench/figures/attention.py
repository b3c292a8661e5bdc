"""What attention looks at, and what comes of it with and without it: after figure 2 of Kim et al. (2020)."""

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

TITLE = "inputs, where attention lies on them, and results with and without attention"


def draw(context: FigureContext) -> Figure:
    """A row a test image: input; heat map and result of each run with a map of the input; results of the others.

    Raises:
        UsageError: also where no run has such a map.
        UsageError, RunError, DataError: see `image_grid.draw`.
    """
    return _image_grid.draw(context, _columns, "heat map of an input among these runs' outputs")


def _columns(dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]) -> list[Column]:
    columns, without = [_image_grid.sources(dataset, direction[0])], []
    for run, label in zip(runs, label_runs(runs), strict=True):
        outputs = files_by_stem(run, direction)
        if file := _image_grid.overlays(run, direction, stems):
            columns += [Column(f"attention of {label}", file), Column(f"{label}, with attention", outputs.get)]
        elif outputs:
            without.append(Column(f"{label}, without", outputs.get))
    return [*columns, *without] if len(columns) > 1 else []
