"""A table's caption: its marks, each protocol in words, and what a reader must know before comparing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ugbench import registry
from ugbench.data.styles import STYLE_SEED
from ugbench.runs.configurations import Configuration
from ugbench.scoring.record import ScoreRecord
from ugbench.tables import protocol_words
from ugbench.tables.contents import Content, content_of
from ugbench.tables.contest import contests
from ugbench.tables.equality_notes import equality_notes
from ugbench.tables.image_notes import contest_notes, copy_notes, few_images_notes, missing_notes, near_duplicate_notes
from ugbench.tables.mark_notes import mark_notes
from ugbench.tables.model import Table
from ugbench.tables.records import subject_of

if TYPE_CHECKING:
    from ugbench.analysis.differences import DifferenceRecord

Scored = tuple[str, str, str | None, str | None]
"""A run's id, and the method, variant and name of its scores."""

Labels = Mapping[Scored, str]
"""The label of the row that shows a record, by what the record is of."""

CURRENT_IMAGES = "current images: scores of the images that the data set had at the last `ugbench eval`."
EARLIER_IMAGES = (
    "earlier images: scores of images that the data set no longer had at the last `ugbench eval`; they compare with "
    "each other only."
)


def caption(
    table: Table,
    records: Iterable[ScoreRecord],
    shown: Sequence[ScoreRecord],
    configurations: Mapping[str, Configuration],
    differences: Iterable[DifferenceRecord] = (),
) -> tuple[str, ...]:
    """The sentences under a table, each once.

    Args:
        table: its own notes are not read.
        records: all records that were given, to name the runs that are not shown.
        shown: the records that the cells were made from.
        configurations: by the ids of runs.
        differences: between runs, oldest first; they can contradict a table whose rows are of different images.
    """
    in_columns, labels = contests(table, differences), _labels(table)
    sentences = [
        *mark_notes(table),
        *_images(table, shown, labels),
        *_several_protocols(table),
        *_protocols(table, shown),
        *style_notes(shown, labels),
        *few_images_notes(in_columns),
        *contest_notes(in_columns),
        *missing_notes(table),
        *near_duplicate_notes(table),
        *copy_notes(table),
        *equality_notes(shown, lambda record: labels[scored(record)], table.names),
        *_file_order(table, shown),
        *_metrics(table),
        *_mixed_steps(shown, labels),
        *_hidden_runs(table, records, shown, configurations, labels),
    ]
    return tuple(dict.fromkeys(sentences))


def identifiers(table: Table) -> tuple[str, ...]:
    """The sentence that names protocols and weights by their hashes; none for a table without scores."""
    if not table.columns:
        return ()
    ids = ", ".join(f"{column.words} {column.protocol_id}" for column in table.columns)
    weights = protocol_words.digests(table.protocols.values())
    texts = [
        f"{network} {digest[:8]}" if len(of_network) == 1 else f"{network}, weights {place}, {digest[:8]}"
        for network, of_network in weights.items()
        for place, digest in enumerate(of_network, start=1)
    ]
    return (f"Protocol ids: {ids}." + (f" SHA-256 of weights: {'; '.join(texts)}." if texts else ""),)


def style_notes(shown: Iterable[ScoreRecord], labels: Labels | None = None) -> Iterator[str]:
    """How many styles each image got, for methods that have many outputs for one image.

    Args:
        labels: of the rows of a table; None to call each record by its registered names.
    """
    by_codes: dict[int, dict[str, None]] = defaultdict(dict)
    for record in shown:
        if record.codes_per_image is not None:
            label = record.label if labels is None else labels[scored(record)]
            by_codes[record.codes_per_image][label] = None
    for codes, names in by_codes.items():
        count = "one style" if codes == 1 else f"{codes} styles"
        yield f"{', '.join(names)}: {count} per image, drawn at random (seed {STYLE_SEED})."


def _images(table: Table, shown: Iterable[ScoreRecord], labels: Labels) -> Iterator[str]:
    """Which blocks are of the images that the data set has now, and which rows do not say of which images they are."""
    of_blocks = [block.images.label for block in table.blocks]
    if any(label.startswith("current") for label in of_blocks):
        yield CURRENT_IMAGES
    if any(label.startswith("earlier") for label in of_blocks):
        yield EARLIER_IMAGES
    known = {(record.dataset, record.direction) for record in shown if content_of(record) != Content()}
    unknown = [record for record in shown if content_of(record) == Content()]
    names = dict.fromkeys(
        f"{labels[scored(record)]} on {record.dataset} {record.direction}"
        for record in unknown
        if (record.dataset, record.direction) in known
    )
    if names:
        yield (
            f"{', '.join(names)}: an older version scored them and did not note the images; `ugbench eval` scores them "
            "again."
        )


def _several_protocols(table: Table) -> Iterator[str]:
    for metric, count in Counter(column.metric for column in table.columns).items():
        if count > 1:
            yield f"{metric} has {count} protocols, a column each: numbers compare within a column only."


def _protocols(table: Table, shown: Iterable[ScoreRecord]) -> Iterator[str]:
    """Each protocol in words; metrics with protocols of the same words share a sentence."""
    by_protocol: dict[tuple[str, str], list[ScoreRecord]] = defaultdict(list)
    for record in shown:
        by_protocol[record.metric, record.protocol_id].append(record)
    metrics: dict[str, list[str]] = defaultdict(list)
    for column in table.columns:
        records = by_protocol[column.metric, column.protocol_id]
        outputs, references = _range(r.n_fake for r in records), _range(r.n_real for r in records)
        protocol = protocol_words.words(table.protocols[column.protocol_id])
        metrics[f"{protocol}; {outputs} outputs, {references} references."].append(column.words)
    for sentence, names in metrics.items():
        yield f"{', '.join(names)}: {sentence}"


def _file_order(table: Table, shown: Iterable[ScoreRecord]) -> Iterator[str]:
    """How much the order of the files alone changes a score that depends on it."""
    columns = {(column.metric, column.protocol_id): column.words for column in table.columns}
    deviations: dict[str, list[float]] = defaultdict(list)
    for record in shown:
        if record.order_sd is not None:
            deviations[columns[record.metric, record.protocol_id]].append(record.order_sd)
    for metric, values in deviations.items():
        yield f"{metric}: files in sorted order; other orders move the raw value by {max(values):.2g} (one sd)."


def _metrics(table: Table) -> Iterator[str]:
    """The notes of each metric that has some."""
    for name in dict.fromkeys(column.metric for column in table.columns):
        if name not in registry.modules("metrics"):
            continue
        metric = registry.load_metric(name)
        keys = [column.key for column in table.columns if column.metric == name]
        if metric.note is not None:
            yield metric.note
        if metric.note_if_negative is not None and any(
            key in row.cells and row.cells[key].value < 0 for row in table.rows for key in keys
        ):
            yield metric.note_if_negative


def _mixed_steps(shown: Iterable[ScoreRecord], labels: Labels) -> Iterator[str]:
    """Rows that mix last checkpoints of different steps. Columns of selected checkpoints say so in their heading."""
    steps: dict[tuple[str, str | None], set[int]] = defaultdict(set)
    for record in shown:
        if record.step is not None and not record.selected:
            row = f"{labels[scored(record)]} on {record.dataset} {record.direction}"
            steps[row, record.sources].add(record.step)
    for (row, _), numbers in steps.items():
        if len(numbers) > 1:
            yield f"{row}: the scores are of different steps ({', '.join(map(str, sorted(numbers)))})."


def _hidden_runs(
    table: Table,
    records: Iterable[ScoreRecord],
    shown: Iterable[ScoreRecord],
    configurations: Mapping[str, Configuration],
    labels: Labels,
) -> Iterator[str]:
    """Runs that are not shown, since another run of the same method and seed is."""
    metrics = {column.metric for column in table.columns}

    def key(record: ScoreRecord) -> tuple[Any, ...]:
        return (*subject_of(record, configurations), record.metric, record.protocol_id)

    runs: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for record in records:
        if record.metric in metrics:
            runs[key(record)].add(record.run)
    for record in {key(record): record for record in shown}.values():
        if others := sorted(runs[key(record)] - {record.run}):
            seed = "" if record.seed is None else f", seed {record.seed},"
            yield (
                f"{labels[scored(record)]}{seed} on {record.dataset}: {len(others) + 1} runs; "
                f"run {record.run} is shown, not {', '.join(others)}."
            )


def scored(record: ScoreRecord) -> Scored:
    """What a record is of. Scores of plain folders have one run for all methods."""
    return record.run, record.method, record.variant, record.name


def _labels(table: Table) -> Labels:
    return {(run_id, *row.key[2:5]): row.label for row in table.rows for run_id in row.run_ids}


def _range(values: Iterable[int | None]) -> str:
    ordered = sorted({value for value in values if value is not None})
    if not ordered:
        return "an unknown number of"
    return str(ordered[0]) if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
