"""Test images beside what each run makes of them."""

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

TITLE = "test images, what each run makes of them, and the truth where it is known"


def draw(context: FigureContext) -> Figure:
    """A row a test image: input, attention where a run has overlays, an output a run, truth on a dial.

    Raises:
        UsageError, RunError, DataError: see `image_grid.draw`.
    """
    return _image_grid.draw(context, _columns, "outputs to compare")


def _columns(dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]) -> list[Column]:
    source, target = direction[0], direction[2]
    labels = label_runs(runs)
    columns = [_image_grid.sources(dataset, source)]
    for run, label in zip(runs, labels, strict=True):
        if file := _image_grid.overlays(run, direction, stems):
            columns.append(Column(f"attention {label}" if len(runs) > 1 else "attention", file))
    columns += [Column(label, files_by_stem(run, direction).get) for run, label in zip(runs, labels, strict=True)]
    if dataset.dial is not None:
        # The test images of a dial come in pairs of one stem: the same scene in both domains.
        columns.append(Column(f"truth ({target})", _image_grid.by_stem(dataset, target).get))
    return columns
