"""The contents of the report on a results folder."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ugbench.analysis import differences
from ugbench.data.datasets import DataSet
from ugbench.data.progress import Progress
from ugbench.direction import DIRECTIONS
from ugbench.figures import _style
from ugbench.figures._context import dataset_name, label_runs
from ugbench.report import charts
from ugbench.report.gallery import Gallery, make_gallery
from ugbench.report.thumbnails import ThumbnailPool
from ugbench.runs.configurations import configurations, run_labels, select_where
from ugbench.runs.dataset_file import current_images
from ugbench.runs.files import is_file
from ugbench.runs.filters import select_datasets
from ugbench.runs.json_file import read_json
from ugbench.runs.run import Run, list_runs
from ugbench.runs.secrets import redact_origin
from ugbench.runs.training_log import read_curves
from ugbench.scoring.record import ScoreRecord, read_all
from ugbench.tables.build import build_table
from ugbench.tables.model import Table
from ugbench.tables.records import of_runs

BeginProgress = Callable[[str], Progress]
"""Called with the name of a task; returns the function to call with (done, total) rows of images."""

Facts = tuple[tuple[str, str], ...]
"""Names and values, as text."""


@dataclass(frozen=True)
class LineStyle:
    """How a run's lines look: indices into style.colours() and style.MARKERS, and dashes in line widths."""

    colour: int
    dashes: tuple[float, ...]
    marker: int


@dataclass(frozen=True)
class RunDetails:
    """Facts about a run, its config and the environment in which it was trained, by their headings."""

    label: str
    id: str
    facts: Mapping[str, Facts]


@dataclass(frozen=True)
class Section:
    """A data set: its images and what its runs have logged.

    Attributes:
        thumbnails: data: URIs, to which the indices of the galleries' images refer.
        rhos: panels of rho, by the label of the run.
        legend: line styles by method, variant and configuration; their seeds share a style.
        line_styles: the same by the label of the run.
    """

    dataset: str
    galleries: tuple[Gallery, ...]
    thumbnails: tuple[str, ...]
    losses: tuple[charts.Panel, ...]
    scores: tuple[charts.Panel, ...]
    rhos: tuple[tuple[str, list[charts.Panel]], ...]
    legend: Mapping[str, LineStyle]
    line_styles: Mapping[str, LineStyle]
    runs: tuple[RunDetails, ...]


@dataclass(frozen=True)
class Report:
    """The contents of the whole page; `table` is None where nothing is scored yet."""

    title: str
    table: Table | None
    sections: tuple[Section, ...]

    @property
    def missing(self) -> list[str]:
        """Sentences that say what could not be shown, and why."""
        galleries = (gallery for section in self.sections for gallery in section.galleries)
        return list(dict.fromkeys(sentence for gallery in galleries for sentence in gallery.missing))


def collect_report(
    results: Path,
    datasets: Collection[str] = (),
    begin_progress: BeginProgress | None = None,
    where: Mapping[str, str] | None = None,
) -> Report:
    """The contents of the report on a results folder.

    Args:
        datasets: show only these data sets, by the names of their folders; empty for all.
        begin_progress: called for each data set and direction.
        where: show only runs whose config fields have these values; None for all.
    Raises:
        UsageError: there are no runs and no scores, or none of a data set in `datasets` or with the values of `where`.
        RunError, DataError: a file of a run, of its scores, or of its images is damaged.
    """
    runs = list_runs(results)
    records = read_all(results)
    configs = configurations(runs)
    if where:
        runs = select_where(runs, where)
        records = of_runs(records, {run.id for run in runs}) if records else []
    names = sorted({dataset_name(run) for run in runs} | {score.dataset for score in records})
    fix = "train one with `ugbench train`"
    names = select_datasets(names, lambda name: name, datasets, results, "runs", fix)
    records = [score for score in records if score.dataset in names]
    pairs = differences.read_all(results)
    images = current_images(results)
    table = build_table(records, differences=pairs, configurations=configs, current=images) if records else None
    sections = []
    for name in names:
        if runs_of_dataset := [run for run in runs if dataset_name(run) == name]:
            scores = [score for score in records if score.dataset == name]
            sections.append(_section(name, runs_of_dataset, scores, table, begin_progress))
    return Report(results.resolve().name, table, tuple(sections))


def _section(
    dataset: str,
    runs: Sequence[Run],
    records: Sequence[ScoreRecord],
    table: Table | None,
    begin_progress: BeginProgress | None,
) -> Section:
    pool = ThumbnailPool()
    fingerprint = functools.cache(DataSet.fingerprint)
    galleries = []
    for direction in DIRECTIONS:
        progress = None if begin_progress is None else begin_progress(f"{dataset} {direction}")
        galleries.append(make_gallery(runs, direction, pool, progress, fingerprint))
    runs_by_label = dict(zip(label_runs(runs), runs, strict=True))
    logs = {label: read_curves(run) for label, run in runs_by_label.items()}
    labels_by_id = {run.id: label for label, run in runs_by_label.items()}
    legend, labels = _legend(runs), run_labels(runs)
    return Section(
        dataset,
        tuple(gallery for gallery in galleries if gallery is not None),
        tuple(pool.uris),
        tuple(charts.loss_panels(logs)),
        () if table is None else tuple(charts.score_panels(records, table, labels_by_id)),
        tuple(charts.rho_panels(logs)),
        legend,
        {label: legend[labels[run.id]] for label, run in runs_by_label.items()},
        tuple(_details(run, label) for label, run in runs_by_label.items()),
    )


def _legend(runs: Sequence[Run]) -> dict[str, LineStyle]:
    legend, colours = {}, _style.colours()
    for label, style in _style.line_styles(runs).items():
        dashes = () if style["linestyle"] == "-" else tuple(style["linestyle"][1])
        legend[label] = LineStyle(colours.index(style["color"]), dashes, _style.MARKERS.index(style["marker"]))
    return legend


def _details(run: Run, label: str) -> RunDetails:
    config = run.config
    facts = {
        "run": str(run.path),
        "steps": f"{run.step():,} of {run.steps:,}" if config.origin is None else "imported",
        "direction": config.direction or "both",
        "preset": config.preset,
        "precision": config.precision,
        "data set": None if config.dataset is None else config.dataset.root,
        "initialised from": config.init_from,
        "initialised only": config.init_only,
        "continued from": config.continue_from,
        "weights of": config.frozen,
        "origin": None if config.origin is None else redact_origin(config.origin.model_dump(exclude_none=True)),
    }
    environment = read_json(run.environment_file) if is_file(run.environment_file) else {}
    groups = {"Run": facts, "Config": config.config, "Environment": environment}
    return RunDetails(label, run.id, {heading: _flatten(fields) for heading, fields in groups.items()})


def _flatten(fields: Mapping[str, Any], prefix: str = "") -> Facts:
    """Names and values as text; values of nested objects are named `outer.inner`; null values are left out."""
    facts: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            facts += _flatten(value, f"{prefix}{name}.")
        elif value is not None:
            facts.append((f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)))
    return tuple(facts)
