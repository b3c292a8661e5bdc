"""What the page of a results folder shows."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ugbench.analysis import differences
from ugbench.data.datasets import DataSet
from ugbench.data.images import Progress
from ugbench.direction import DIRECTIONS
from ugbench.errors import RunError
from ugbench.figures import _style
from ugbench.figures._context import dataset_name, label_runs
from ugbench.report import charts, gallery
from ugbench.report.charts import Panel
from ugbench.report.gallery import Gallery
from ugbench.report.thumbnails import Pool
from ugbench.runs.filters import select_datasets
from ugbench.runs.run import Run, list_runs
from ugbench.runs.training_log import read_curves
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.model import Table


@dataclass(frozen=True)
class Look:
    """How a run's lines look: its places in style.colours() and style.MARKERS, and its dashes, in line widths."""

    colour: int
    dashes: tuple[float, ...]
    marker: int


@dataclass(frozen=True)
class RunNote:
    """A run's facts: each a name and a text."""

    label: str
    id: str
    facts: tuple[tuple[str, str], ...]
    config: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """A data set: its images and what was logged.

    Attributes:
        thumbnails: data: URIs, which the galleries' cells count through.
        legend: of losses and scores, by method and variant, whose seeds share a look.
        looks: the same by the labels of runs, as lines have them.
    """

    dataset: str
    galleries: tuple[Gallery, ...]
    thumbnails: tuple[str, ...]
    losses: tuple[Panel, ...]
    scores: tuple[Panel, ...]
    rhos: tuple[tuple[str, list[Panel]], ...]
    legend: Mapping[str, Look]
    looks: Mapping[str, Look]
    runs: tuple[RunNote, ...]


@dataclass(frozen=True)
class Report:
    """The whole page; `table` is None where nothing was scored yet."""

    title: str
    table: Table | None
    sections: tuple[Section, ...]

    @property
    def missing(self) -> list[str]:
        """What could not be shown, and why; a sentence each."""
        return [why for section in self.sections for gallery in section.galleries for why in gallery.missing]


def collect(
    results: Path,
    datasets: Collection[str] = (),
    progress: Callable[[str], Progress] | None = None,
) -> Report:
    """Everything under a results folder that the page shows.

    Args:
        datasets: these alone, by the names of their folders; none for all.
        progress: given what begins, a function to call with (done, total) rows of images.
    Raises:
        UsageError: no runs and no scores there, or not of a data set that was named.
        RunError, DataError: a damaged file of a run, of its scores, or of its images.
    """
    runs = list_runs(results)
    records = record.read_all(results)
    names = sorted({dataset_name(run) for run in runs} | {one.dataset for one in records})
    mend = "train one with `ugbench train`"
    names = select_datasets(names, lambda name: name, datasets, results, "runs", mend)
    records = [one for one in records if one.dataset in names]
    table = build_table(records, differences=differences.read_all(results)) if records else None
    sections = []
    for name in names:
        own = [run for run in runs if dataset_name(run) == name]
        if own:
            sections.append(_section(name, own, records, table, progress))
    return Report(results.resolve().name, table, tuple(sections))


def _section(
    dataset: str,
    runs: Sequence[Run],
    records: Sequence[ScoreRecord],
    table: Table | None,
    progress: Callable[[str], Progress] | None,
) -> Section:
    pool = Pool()
    fingerprint = functools.cache(DataSet.fingerprint)
    counted = {one for row in table.rows for cell in row.cells.values() for one in cell.runs} if table else set()
    galleries = []
    for direction in DIRECTIONS:
        tick = None if progress is None else progress(f"{dataset} {direction}")
        found = gallery.gallery(runs, direction, pool, counted, tick, fingerprint)
        if found is not None:
            galleries.append(found)
    labels = label_runs(runs)
    logged = {label: read_curves(run) for label, run in zip(labels, runs, strict=True)}
    legend = _legend(runs)
    by_id = {run.id: label for label, run in zip(labels, runs, strict=True)}
    own = [one for one in records if one.dataset == dataset]
    return Section(
        dataset,
        tuple(galleries),
        tuple(pool.uris),
        tuple(charts.losses(logged)),
        () if table is None else tuple(charts.scores(own, table, by_id)),
        tuple(charts.rhos(logged)),
        legend,
        {label: legend[run.config.label] for label, run in zip(labels, runs, strict=True)},
        tuple(_note(run, label) for run, label in zip(runs, labels, strict=True)),
    )


def _legend(runs: Sequence[Run]) -> dict[str, Look]:
    looks, colours = {}, _style.colours()
    for label, line in _style.lines(runs).items():
        dashes = () if line["linestyle"] == "-" else tuple(line["linestyle"][1])
        looks[label] = Look(colours.index(line["color"]), dashes, _style.MARKERS.index(line["marker"]))
    return looks


def _note(run: Run, label: str) -> RunNote:
    config = run.config
    facts = {
        "run": run.path,
        "steps": f"{run.step():,} of {run.steps:,}" if config.origin is None else "imported",
        "direction": config.direction or "both",
        "preset": config.preset,
        "precision": config.precision,
        "data set": None if config.dataset is None else config.dataset.root,
        "initialised from": config.init_from,
        "origin": None if config.origin is None else config.origin.model_dump(exclude_none=True),
    }
    return RunNote(label, run.id, _flat(facts), _flat(config.config), _flat(_environment(run)))


def _flat(fields: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Names and values as text, those of objects inside as `outer.inner`; without those that are null."""
    found: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif value is not None:
            text = value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)
            found.append((f"{prefix}{name}", text))
    return tuple(found)


def _environment(run: Run) -> Mapping[str, Any]:
    file = run.environment_file
    if not file.exists():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise RunError(f"{file} is no JSON object; mend or remove it.") from None
