"""The contents of the report on a results folder."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ugbench.analysis import differences
from ugbench.data.datasets import DataSet
from ugbench.data.progress import Progress
from ugbench.direction import DIRECTIONS
from ugbench.figures import _style
from ugbench.figures._context import dataset_name, label_runs
from ugbench.report import charts
from ugbench.report.curves import collect_curves
from ugbench.report.gallery import Gallery, make_gallery
from ugbench.report.gallery_rows import IMAGES
from ugbench.report.thumbnails import ThumbnailPool
from ugbench.runs.configurations import configurations, run_labels, select_where
from ugbench.runs.dataset_file import current_images
from ugbench.runs.files import is_file
from ugbench.runs.filters import select_datasets
from ugbench.runs.json_file import read_json
from ugbench.runs.readable import readable_runs
from ugbench.runs.run import Run
from ugbench.runs.secrets import redact_origin
from ugbench.scoring.record import ScoreRecord, read_all
from ugbench.tables.build import build_table
from ugbench.tables.contents import CurrentImages
from ugbench.tables.model import Table
from ugbench.tables.records import of_runs

BeginProgress = Callable[[str], Progress]
"""Called with the name of a task; returns the function to call with (done, total) images."""

Facts = tuple[tuple[str, str], ...]
"""Names and values, as text."""


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
        thumbnails: those of the galleries' images.
        rhos: charts of rho, by the label of the run.
        layers: number of layers in the charts of rho.
        curves_note: says for which runs losses and rho are drawn; empty if it is for all.
        legend: swatches by method, variant and configuration; their seeds share a style.
        swatches: the same by the label of the run.
    """

    dataset: str
    galleries: tuple[Gallery, ...]
    thumbnails: ThumbnailPool
    losses: tuple[charts.Chart, ...]
    scores: tuple[charts.Chart, ...]
    rhos: tuple[tuple[str, list[charts.Chart]], ...]
    layers: int
    curves_note: str
    legend: Mapping[str, Markup]
    swatches: Mapping[str, Markup]
    runs: tuple[RunDetails, ...]


@dataclass(frozen=True)
class Report:
    """The contents of the whole page; `table` is None where nothing is scored yet."""

    title: str
    made: datetime.date
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
    images: int = IMAGES,
    title: str | None = None,
    made: datetime.date | None = None,
    log: Callable[[str], None] = lambda _text: None,
) -> Report:
    """The contents of the report on a results folder; thumbnails are made only when the page is written.

    Args:
        datasets: show only these data sets, by the names of their folders; empty for all.
        begin_progress: called for each data set and direction.
        where: show only runs whose config fields have these values; None for all.
        images: largest number of test images that are shown per data set and direction.
        title: heading of the page; None for the name of the results folder.
        made: date on the page; None for today.
        log: called with a sentence for each run that cannot be read.
    Raises:
        UsageError: there are no runs and no scores, or none of a data set in `datasets` or with the values of `where`.
        RunError, DataError: a file of a run, of its scores, or of its images is damaged.
    """
    all_runs = runs = readable_runs(results, log)
    records = read_all(results)
    configs = configurations(runs)
    if where:
        runs = select_where(runs, where)
        ids = {run.id for run in runs}
        records = of_runs(records, ids) if any(score.run in ids for score in records) else []
    names = sorted({dataset_name(run) for run in runs} | {score.dataset for score in records})
    fix = "train one with `ugbench train`"
    names = select_datasets(names, lambda name: name, datasets, results, "runs", fix)
    records = [score for score in records if score.dataset in names]
    pairs = differences.read_all(results)
    current = current_images(results)
    table = build_table(records, differences=pairs, configurations=configs, current=current) if records else None
    sections = []
    for name in names:
        if runs_of_dataset := [run for run in runs if dataset_name(run) == name]:
            scores = [score for score in records if score.dataset == name]
            sections.append(_section(name, runs_of_dataset, all_runs, scores, current, images, begin_progress))
    return Report(title or results.resolve().name, made or datetime.date.today(), table, tuple(sections))


def _section(
    dataset: str,
    runs: Sequence[Run],
    all_runs: Sequence[Run],
    records: Sequence[ScoreRecord],
    current: CurrentImages,
    images: int,
    begin_progress: BeginProgress | None,
) -> Section:
    pool = ThumbnailPool()
    fingerprint = functools.cache(DataSet.fingerprint)
    galleries = []
    for direction in DIRECTIONS:
        progress = None if begin_progress is None else begin_progress(f"{dataset} {direction}")
        galleries.append(make_gallery(runs, direction, pool, images, progress, fingerprint))
    runs_by_label = dict(zip(label_runs(runs), runs, strict=True))
    labels, line_styles = run_labels(runs), _style.line_styles(runs, all_runs)
    curves = collect_curves(runs_by_label, labels)
    styles = {label: line_styles[labels[run.id]] for label, run in runs_by_label.items()}
    legend = {label: charts.swatch(style) for label, style in line_styles.items()}
    return Section(
        dataset,
        tuple(gallery for gallery in galleries if gallery is not None),
        pool,
        tuple(charts.loss_charts(curves.logs, styles)),
        tuple(charts.score_charts(runs, records, current)),
        tuple(charts.rho_charts(curves.logs)),
        len(charts.rho_layers(curves.logs)),
        curves.note,
        legend,
        {label: legend[labels[run.id]] for label, run in runs_by_label.items()},
        tuple(_details(run, label) for label, run in runs_by_label.items()),
    )


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
