"""Makes a table from score records: rows, columns, and means over seeds.

A column holds one metric under one protocol. Where a metric was scored under several protocols, each has a column of
its own, with the key `metric@protocol_id`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from ugbench import registry
from ugbench.errors import UnknownName, UsageError
from ugbench.metric import Metric
from ugbench.runs.configurations import Configuration, Fields, fields_to_show, values_of
from ugbench.scoring.protocols import NEAR_DUPLICATES, rule_of
from ugbench.scoring.record import FILES, ScoreRecord
from ugbench.statistics import crossed
from ugbench.statistics.crossed import CrossedMean
from ugbench.tables import notes, protocol_words
from ugbench.tables.cells import Cell, Column
from ugbench.tables.contents import CurrentImages, assign_blocks
from ugbench.tables.contest import Differences, between, differences_of
from ugbench.tables.display import DisplayNames
from ugbench.tables.marks import mark
from ugbench.tables.model import Table, blocks_of
from ugbench.tables.records import latest, under_protocol
from ugbench.tables.rows import Row, RowKey, natural

if TYPE_CHECKING:
    from ugbench.analysis.differences import DifferenceRecord

LEADING = ("kid", "fid", "precision", "recall", "lpips", "changed", "unchanged", "iou")
"""The first columns where no metrics are chosen; the others follow in alphabetical order."""


def build_table(
    records: Sequence[ScoreRecord],
    metrics: Sequence[str] | None = None,
    differences: Sequence[DifferenceRecord] = (),
    protocol: str | None = None,
    configurations: Mapping[str, Configuration] | None = None,
    current: CurrentImages | None = None,
    names: DisplayNames | None = None,
) -> Table:
    """The table of score records. Which records count, see `ugbench.tables.records.latest`.

    Seeds are averaged, within one configuration only. Several configurations of a method have a row each.

    Args:
        records: oldest first, as files hold them.
        metrics: the metrics to show, in this order; None or empty for all that have scores.
        differences: between runs, oldest first; they decide which cells are tied with the best.
        protocol: show only scores under the protocol of this name; None for all.
        configurations: by the ids of runs, from `ugbench.runs.configurations`; runs without a config.json
            are missing in it.
        current: the images that data sets had last, from `ugbench.runs.dataset_file.current_images`; they decide which
            block of a data set and direction is the current one.
        names: the display names of rows and data sets, for readable formats; None to keep the registered names.
    Raises:
        UnknownName: there is no metric or protocol of a given name.
        UsageError: there are no records, or none of these metrics or of this protocol.
    """
    if not records:
        raise UsageError("no scores; run `ugbench eval` to make some.")
    configurations = configurations or {}
    shown = latest(records, configurations)
    shown = shown if protocol is None else under_protocol(shown, protocol)
    chosen = _chosen_metrics([record.metric for record in shown], metrics)
    shown = [record for record in shown if record.metric in chosen]
    differences = between(shown, differences)
    columns = tuple(column for metric in chosen for column in _columns(metric, shown))
    protocols = {(record.metric, record.protocol_id): rule_of(record.protocol) for record in reversed(shown)}
    table = Table(
        columns,
        mark(blocks_of(_rows(shown, columns, configurations, current or {}, differences), names), columns, differences),
        {column.protocol_id: protocols[column.metric, column.protocol_id] for column in columns},
        names=names,
    )
    return replace(
        table,
        notes=notes.caption(table, records, shown, configurations, differences),
        identifiers=notes.identifiers(table),
    )


def _chosen_metrics(scored: Iterable[str], metrics: Sequence[str] | None) -> list[str]:
    known = set(scored)
    if not metrics:
        return [name for name in LEADING if name in known] + sorted(known - set(LEADING))
    for name in metrics:
        if name not in known and name not in registry.modules("metrics"):
            raise UnknownName("metric", name, known | set(registry.modules("metrics")))
    names = [name for name in dict.fromkeys(metrics) if name in known]
    if not names:
        raise UsageError(
            f"no scores of {', '.join(metrics)}, only of {', '.join(sorted(known))}; "
            f"run `ugbench eval --metric {','.join(metrics)}`."
        )
    return names


def _columns(metric: str, shown: Iterable[ScoreRecord]) -> list[Column]:
    """A metric's columns: one for each protocol."""
    records = [record for record in shown if record.metric == metric]
    protocols = {record.protocol_id: record.protocol for record in records}
    better = records[0].higher_is_better
    title, scale, biased, least_images = _heading(metric)
    title += {True: " ↑", False: " ↓", None: ""}[better]
    different = protocol_words.differences(protocols)
    several = len(protocols) > 1
    return [
        Column(
            key=f"{metric}@{identifier}" if several else metric,
            metric=metric,
            protocol_id=identifier,
            title=f"{title} ({different[identifier]})" if several else title,
            scale=scale,
            higher_is_better=better,
            biased=biased,
            least_images=least_images,
            difference=different[identifier],
        )
        for identifier in sorted(protocols, key=lambda identifier: natural(different[identifier].lower()))
    ]


def _heading(name: str) -> tuple[str, float, bool, int]:
    """A metric's title and scale, whether it is biased, and its least number of images.

    A metric that is not installed has its name and raw values.
    """
    if name not in registry.modules("metrics"):
        return name, 1.0, False, 0
    metric: Metric = registry.load_metric(name)
    return metric.title, metric.scale, metric.biased, metric.least_images


def _rows(
    shown: Sequence[ScoreRecord],
    columns: Sequence[Column],
    configurations: Mapping[str, Configuration],
    current: CurrentImages,
    differences: Sequence[DifferenceRecord],
) -> list[Row]:
    """The rows; the records of several seeds of one configuration become one cell."""
    keys = {(column.metric, column.protocol_id): column.key for column in columns}
    fields = _config_fields(shown, configurations)
    grouped: dict[RowKey, dict[str, list[ScoreRecord]]] = defaultdict(lambda: defaultdict(list))
    for record, blocks in zip(shown, assign_blocks(shown, current), strict=True):
        row = (record.dataset, record.direction, record.method, record.variant, record.name, fields[record.run])
        for images in blocks:
            grouped[RowKey(*row, images)][keys[record.metric, record.protocol_id]].append(record)
    of_row = {key: differences_of(key, differences) for key in grouped}
    return [
        Row(
            key,
            {column.key: _mean(seeds[column.key], of_row[key]) for column in columns if column.key in seeds},
        )
        for key, seeds in grouped.items()
    ]


def _config_fields(
    shown: Sequence[ScoreRecord], configurations: Mapping[str, Configuration]
) -> dict[str, Fields | None]:
    """`RowKey.config` of each run's rows. Scores of plain folders have no configuration."""
    known = [record for record in shown if record.run in configurations]
    names = fields_to_show((r.label, (r.dataset, r.direction), configurations[r.run]) for r in known)
    labels_of_known = {record.label for record in known}
    fields: dict[str, Fields | None] = {}
    for record in shown:
        if record.run in configurations:
            fields[record.run] = values_of(configurations[record.run], names[record.label])
        else:
            is_unknown = record.label in labels_of_known and record.run != FILES
            fields[record.run] = None if is_unknown else ()
    return fields


def _mean(seeds: Sequence[ScoreRecord], differences: Differences) -> Cell:
    """The cell of the records of one or several seeds, not marked yet."""
    first, values = seeds[0], [record.value for record in seeds]
    single = len(seeds) == 1
    return Cell(
        value=fmean(values),
        se=first.se if single else stdev(values) / math.sqrt(len(values)),
        low=first.low if single else None,
        high=first.high if single else None,
        n_seeds=len(seeds),
        best=False,
        tied_with_best=None,
        protocol_id=first.protocol_id,
        comparable=all(record.comparable for record in seeds),
        n_fake=first.n_fake if len({record.n_fake for record in seeds}) == 1 else None,
        n_real=first.n_real if len({record.n_real for record in seeds}) == 1 else None,
        fewest_images=_fewest_images(seeds),
        crossed=None if single else _crossed(seeds, differences),
        runs={record.run: record.value for record in seeds},
        codes_per_image=first.codes_per_image if len({record.codes_per_image for record in seeds}) == 1 else None,
        n_missing=_sum(record.n_missing for record in seeds),
        copies=_copies(seeds),
        near_duplicates=_near_duplicates(seeds),
    )


def _fewest_images(seeds: Sequence[ScoreRecord]) -> int | None:
    """The smallest number of outputs or of references of any seed; None if a number of references is not known."""
    references = [record.n_real for record in seeds if record.n_real is not None]
    return min(*(record.n_fake for record in seeds), *references) if len(references) == len(seeds) else None


def _crossed(seeds: Sequence[ScoreRecord], differences: Differences) -> CrossedMean | None:
    """The error over seeds and images; None where it is not known, or a difference is of fewer sources than a score."""
    if len(seeds) < crossed.LEAST_SEEDS or not differences:
        return None
    ses = {record.run: record.se for record in seeds if record.se is not None}
    pairs = [frozenset(pair) for pair in combinations([record.run for record in seeds], 2)]
    stored = {
        pair: differences[seeds[0].protocol_id, pair] for pair in pairs if (seeds[0].protocol_id, pair) in differences
    }
    outputs = {record.n_fake for record in seeds}
    if len(ses) < len(seeds) or len(stored) < len(pairs) or {record.n for record in stored.values()} != outputs:
        return None
    pair_ses = {pair: record.se for pair, record in stored.items()}
    images = _fewest_images(seeds)
    if images is None:
        return None
    return crossed.of_mean({record.run: record.value for record in seeds}, ses, pair_ses, images)


def _copies(seeds: Sequence[ScoreRecord]) -> dict[str, int] | None:
    counted = [record.copies for record in seeds if record.copies is not None]
    if not counted:
        return None
    return {kind: sum(copies.get(kind, 0) for copies in counted) for copies in counted for kind in copies}


def _near_duplicates(seeds: Sequence[ScoreRecord]) -> dict[str, int]:
    most: dict[str, int] = {}
    for record in seeds:
        for images, count in record.protocol.get(NEAR_DUPLICATES, {}).items():
            most[images] = max(count, most.get(images, 0))
    return most


def _sum(numbers: Iterable[int | None]) -> int | None:
    """The sum of the numbers that are known; None if none is."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
