"""Test images beside the output of each run."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench.data.datasets import DataSet
from ugbench.direction import Direction
from ugbench.figures import _image_grid
from ugbench.figures._context import FigureContext, label_runs
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem

TITLE = "test images, the output of each run, and the truth where it is known"


def draw(context: FigureContext) -> Figure:
    """One row per test image: the input, attention overlays where a run has them, outputs, and the truth of a dial.

    Raises:
        UsageError, RunError, DataError: as `_image_grid.draw`.
    """
    return _image_grid.draw(context, _columns, "outputs to compare")


def _columns(
    dataset: DataSet, runs: Sequence[Run], direction: Direction, stems: Sequence[str]
) -> list[_image_grid.ImageColumn]:
    source, target = direction[0], direction[2]
    labels = label_runs(runs)
    columns = [_image_grid.source_column(dataset, source)]
    for run, label in zip(runs, labels, strict=True):
        if overlay := _image_grid.overlay_files(run, direction, stems):
            columns.append(_image_grid.ImageColumn(f"attention {label}" if len(runs) > 1 else "attention", overlay))
    columns += [
        _image_grid.ImageColumn(label, files_by_stem(run, direction)) for run, label in zip(runs, labels, strict=True)
    ]
    if dataset.paired:
        # Test images that are pairs have one stem in both domains.
        columns.append(_image_grid.truth_column(dataset, target))
    return columns
