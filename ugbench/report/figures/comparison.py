"""Test images beside what each run makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.kept_outputs import files_by_stem
from ugbench.method import Direction
from ugbench.report import image_grid
from ugbench.report.figure_context import FigureContext, label_runs
from ugbench.report.image_grid import Column
from ugbench.train.run import Run

TITLE = "test images, what each run makes of them, and the truth where it is known"


def draw(context: FigureContext) -> Figure:
    """A row a test image: input, attention where a run has overlays, an output a run, truth on a dial.

    Raises:
        UsageError, RunError, DataError: see `image_grid.draw`.
    """
    return image_grid.draw(context, _columns, "outputs to compare")


def _columns(dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]) -> list[Column]:
    source, target = direction[0], direction[2]
    labels = label_runs(runs)
    columns = [image_grid.sources(dataset, source)]
    for run, label in zip(runs, labels, strict=True):
        if file := image_grid.overlays(run, direction, stems):
            columns.append(Column(f"attention {label}" if len(runs) > 1 else "attention", file))
    columns += [Column(label, files_by_stem(run, direction).get) for run, label in zip(runs, labels, strict=True)]
    if dataset.dial is not None:
        # The test images of a dial come in pairs of one stem: the same scene in both domains.
        columns.append(Column(f"truth ({target})", image_grid.by_stem(dataset, target).get))
    return columns
