"""Attention maps of the input, and outputs with and without attention: after figure 2 of Kim et al. (2020)."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.direction import Direction
from ugbench.figures import _image_grid
from ugbench.figures._context import FigureContext, label_runs
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem

TITLE = "inputs, attention maps on them, and outputs with and without attention"


def draw(context: FigureContext) -> Figure:
    """One row per test image: the input, then attention map and output of each run that has a map of the input.

    The outputs of the other runs follow.

    Raises:
        UsageError: no run has such a map, or see `_image_grid.draw`.
        RunError, DataError: see `_image_grid.draw`.
    """
    return _image_grid.draw(context, _columns, "attention map of an input among these runs' outputs")


def _columns(
    dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]
) -> list[_image_grid.ImageColumn]:
    columns, without = [_image_grid.source_column(dataset, direction[0])], []
    for run, label in zip(runs, label_runs(runs), strict=True):
        outputs = files_by_stem(run, direction)
        if overlay := _image_grid.overlay_files(run, direction, stems):
            columns += [
                _image_grid.ImageColumn(f"attention of {label}", overlay),
                _image_grid.ImageColumn(f"{label}, with attention", outputs),
            ]
        elif outputs:
            without.append(_image_grid.ImageColumn(f"{label}, without", outputs))
    return [*columns, *without] if len(columns) > 1 else []
