"""Where each kept heat map of a run lies, as a number: in a table's columns beside the scores, and for a figure.

The score `cam_mass` is of a run's main map alone; a method may have more, of its discriminators for one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import cast

from torch import Tensor

from ugbench.data.datasets import open_dataset
from ugbench.data.tensors import load_images
from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.metric import Score
from ugbench.metrics import cam_mass
from ugbench.runs.run import Run, dataset_of, list_runs
from ugbench.runs.stored_maps import kept_maps
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.request import why_no_score
from ugbench.tables.build import Row, Table, runs_of
from ugbench.tables.extra_column import Beside, Entry
from ugbench.tables.layout import with_error

NAME, KEY = "maps", "cam_mass_{}"
NOTE = (
    "CAM mass of each heat map that a run keeps, of its last step: the share of its mass inside the region that should "
    "change, over the region's share of the image; mean over seeds ± standard error. °: plain features, no attention."
)
NONE = (
    "No run in this table keeps heat maps of its last step on a dial that changes something; `ugbench eval --metric "
    "cam_mass` makes them where a method draws any."
)

Masses = Mapping[str, tuple[Score, bool]]
"""Score and whether the map is attention, by the map's name."""


Images = Callable[[Path, Direction, int], tuple[Tensor, Tensor]]
"""`images`; where masses of many runs are asked for, `functools.cache` of it."""


def masses(run: Run, direction: Direction, find: Images | None = None) -> Masses | None:
    """CAM mass of every map that a run keeps of its last step; its data set must be a dial that changes something.

    None where none of that step are kept; nothing where the method draws none, or another tool made the outputs.

    Raises:
        RunError: the data set is no longer where it was, or the file of maps is damaged.
    """
    if run.config.is_external:
        return {}
    maps = kept_maps(run, direction)
    if maps is None or maps.step != run.step():
        return None
    if not maps.heat:
        return {}
    own = (find or images)(dataset_of(run).root, direction, int(run.config.config["size"]))
    return {name: (cam_mass.compute(heat, *own), name in maps.attended) for name, heat in maps.heat.items()}


def images(root: Path, direction: Direction, size: int) -> tuple[Tensor, Tensor]:
    """The test sources of the data set in a folder, and their truth, uint8 (n, 3, size, size)."""
    eval_set = EvalSet(open_dataset(root), direction, size)
    return load_images(eval_set.sources, eval_set.size), eval_set.truth(eval_set.sources)


def add_map_masses(table: Table, results: Path) -> Table:
    """The table with a column a heat map, as `--columns maps` asks; empty where a row's runs keep no such map.

    Raises:
        RunError: a file of maps, or a run's config.json, is damaged.
    """
    runs = {run.id: run for run in list_runs(results)}
    own = [runs_of(row, runs) for row in table.rows]
    able, missing = _on_changing_dials([run for of_row in own for run in of_row])
    find = functools.cache(images)
    rows = [
        replace(row, beside={**row.beside, **_entries(row, of_row, able, find)})
        for row, of_row in zip(table.rows, own, strict=True)
    ]
    known = {column.key for column in table.beside}
    keys = list(dict.fromkeys(key for row in rows for key in row.beside if key not in known))
    prefix = KEY.format("")
    beside = [Beside(key, NAME, f"CAM mass, {key.removeprefix(prefix)}", (key, f"{key}_se")) for key in keys]
    return replace(
        table,
        rows=tuple(rows),
        beside=(*table.beside, *beside),
        notes=(*table.notes, NOTE if beside else NONE, *missing),
    )


def _on_changing_dials(runs: Iterable[Run]) -> tuple[set[str], list[str]]:
    """Where the data sets are that are dials which change something, and which are gone, in words."""
    able, missing = set(), []
    for root, run in {run.config.dataset.root: run for run in runs if run.config.dataset is not None}.items():
        try:
            if why_no_score("cam_mass", dataset_of(run)) is None:
                able.add(root)
        except RunError as error:
            missing.append(f"No CAM mass of heat maps: {error}")
    return able, missing


def _entries(row: Row, runs: Sequence[Run], able: Collection[str], find: Images) -> dict[str, Entry]:
    found: dict[str, list[float]] = {}
    attended = set()
    for run in runs:
        if run.config.dataset is None or run.config.dataset.root not in able:
            continue
        for name, (score, is_attention) in (masses(run, cast(Direction, row.direction), find) or {}).items():
            found.setdefault(name, []).append(score.value)
            if is_attention:
                attended.add(name)
    return {KEY.format(name): _entry(KEY.format(name), own, len(runs), name in attended) for name, own in found.items()}


def _entry(key: str, values: Sequence[float], runs: int, is_attention: bool) -> Entry:
    mean = fmean(values)
    se = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    text = with_error(mean, se) + ("" if is_attention else " °")
    text += f" ({len(values)} of {runs} runs)" if len(values) < runs else ""
    raw = {"value": mean, "se": se, "n_seeds": len(values), "attention": is_attention}
    return Entry(text, raw, {key: mean, f"{key}_se": se})
