"""Where the mass of each attention map that a run stores lies: extra columns of a table, and numbers for a figure.

The score `cam_mass` is of a run's main map alone. A method may have more maps, for instance of its discriminators.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import cast

from torch import Tensor

from ugbench.data.datasets import open_dataset
from ugbench.data.fitting import Transform
from ugbench.data.splits import TEST
from ugbench.data.tensors import load_images
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.image_size import Size
from ugbench.metric import Score
from ugbench.metrics import cam_mass
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_maps import read_maps
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.request import why_no_score
from ugbench.tables.cells import ExtraCell, ExtraColumn
from ugbench.tables.columns.runs_of_rows import runs_of_rows
from ugbench.tables.model import Table, add_extra_columns
from ugbench.tables.numbers import with_error

GROUP, PREFIX = "maps", "cam_mass_"
NOTE = (
    "CAM mass of each attention map that a run keeps, of its last step: the share of its mass inside the region that "
    "should change, over the region's share of the image; mean over seeds ± standard error. °: plain features, no "
    "attention."
)
NO_MAPS = (
    "No run in this table keeps attention maps of its last step on a dial that changes something; `ugbench eval "
    "--metric cam_mass` makes them where a method draws any."
)

Masses = Mapping[str, tuple[Score, bool]]
"""The CAM mass of each map by its name, and whether the map is attention."""

LoadImages = Callable[[Path, Direction, Transform], tuple[Tensor, Tensor]]
"""`images`, or `functools.cache` of it where the masses of many runs are computed."""


def masses(run: Run, direction: Direction, load_images: LoadImages | None = None) -> Masses | None:
    """The CAM mass of every map that a run stores for its last step.

    The run's data set must be a dial that changes something.

    Returns:
        None where no maps of the last step and of the present test images are stored. Empty where the method draws
        none, or the outputs were made by another tool.
    Raises:
        RunError: the data set is no longer where it was, or the file of maps is damaged.
    """
    if run.config.is_external:
        return {}
    maps = read_maps(run, direction)
    if maps is None or maps.step != run.step():
        return None
    if not maps.maps:
        return {}
    dataset = dataset_of(run)
    if maps.sources != dataset.fingerprint((TEST[direction[0]],)):
        return None
    sources, truth = (load_images or images)(dataset.root, direction, run.config.transform)
    return {
        name: (cam_mass.compute(attention_map, sources, truth), name in maps.attended)
        for name, attention_map in maps.maps.items()
    }


def images(root: Path, direction: Direction, transform: Size | Transform) -> tuple[Tensor, Tensor]:
    """The test sources of the data set in a folder, and their true translations, each uint8 (n, 3, h, w)."""
    eval_set = EvalSet(open_dataset(root), direction, transform)
    sources = eval_set.source_set.files
    return load_images(sources, transform), eval_set.truth(sources)


def add_map_masses(table: Table, results: Path) -> Table:
    """The table with a column for each attention map; a cell is empty where no run of the row stores such a map.

    Stored maps are of the current test images, so rows of scores of earlier images have none.

    Raises:
        RunError: a file of maps or a run's config.json is damaged.
    """
    runs_by_row = runs_of_rows(table, results)
    roots, missing = _changing_dials(run for runs in runs_by_row.values() for run in runs)
    load = functools.cache(images)
    cells = {
        key: {} if key.images.is_current is False else _cells(runs, cast(Direction, key.direction), roots, load)
        for key, runs in runs_by_row.items()
    }
    columns = [
        ExtraColumn(key, GROUP, f"CAM mass, {key.removeprefix(PREFIX)}", (key, f"{key}_se"))
        for key in dict.fromkeys(key for row_cells in cells.values() for key in row_cells)
    ]
    return add_extra_columns(table, columns, cells, [NOTE if columns else NO_MAPS, *missing])


def _changing_dials(runs: Iterable[Run]) -> tuple[set[str], list[str]]:
    """The folders of the runs' data sets that are dials which change something; and which are gone, in sentences."""
    roots, missing = set(), []
    for root, run in {run.config.dataset.root: run for run in runs if run.config.dataset is not None}.items():
        try:
            if why_no_score("cam_mass", dataset_of(run)) is None:
                roots.add(root)
        except RunError as error:
            missing.append(f"No CAM mass of attention maps: {error}")
    return roots, missing


def _cells(runs: Sequence[Run], direction: Direction, roots: Collection[str], load: LoadImages) -> dict[str, ExtraCell]:
    """A row's cells by key: the mean over its runs for each map."""
    scores: dict[str, list[tuple[Score, bool]]] = {}
    for run in runs:
        if run.config.dataset is None or run.config.dataset.root not in roots:
            continue
        for name, mass in (masses(run, direction, load) or {}).items():
            scores.setdefault(f"{PREFIX}{name}", []).append(mass)
    return {key: _cell(of_map, len(runs)) for key, of_map in scores.items()}


def _cell(scores: Sequence[tuple[Score, bool]], n_runs: int) -> ExtraCell:
    values = [score.value for score, _ in scores]
    mean, is_attention = fmean(values), any(is_attention for _, is_attention in scores)
    se = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    text = with_error(mean, se) + ("" if is_attention else " °")
    text += f" ({len(values)} of {n_runs} runs)" if len(values) < n_runs else ""
    raw = {"value": mean, "se": se, "n_seeds": len(values), "attention": is_attention}
    return ExtraCell(text, raw, (mean, se))
