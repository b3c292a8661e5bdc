"""A table's caption: its marks, each protocol in words, and what a reader must know before comparing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ugbench import registry
from ugbench.data.styles import STYLE_SEED
from ugbench.runs.configurations import Configuration
from ugbench.scoring.protocols import is_selected
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.contents import Content, content_of
from ugbench.tables.contest import contests
from ugbench.tables.image_notes import contest_notes, copy_notes, few_images_notes, missing_notes
from ugbench.tables.model import Table
from ugbench.tables.records import subject_of

if TYPE_CHECKING:
    from ugbench.analysis.differences import DifferenceRecord

TESTABLE = 6  # seeds: with 3 against 3 the smallest two-sided p of a permutation test is 0.1

BEST = "Bold: the best of its column on that data set and direction, identity and real aside."
TIED = "≈: not distinguishable from the best"
TIED_BY = {
    "paired": "checkpoints by the paired difference over images, within 1.96 of its standard errors",
    "unpaired": "unpaired: within 1.96 standard errors of the difference",
    "seeds": "methods by Welch's t over seeds, p > 0.05",
}
NOT_COMPARABLE = "†: comparable with no other number (features of an untrained network), so never best."
SE_IMAGES = "±: standard error over images; one seed each."
SE_SEEDS = (
    "±: standard error: over seeds (sd / √n) where a row has several; over images, which leaves out how much "
    "trainings differ, where it has one."
)
CONFIGURATIONS = (
    "Configurations of a method are rows of their own, named by the fields in which they differ; "
    "--where FIELD=VALUE chooses."
)
CURRENT_IMAGES = "current images: scores of the images that the data set had at the last `ugbench eval`."
EARLIER_IMAGES = (
    "earlier images: scores of images that the data set no longer had at the last `ugbench eval`; they compare with "
    "each other only."
)
FEW_SEEDS = "Fewer than 6 seeds are too few to test a difference between methods; ≈ or its absence is a hint."


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
    in_columns = contests(table, differences)
    sentences = [
        *_marks(table),
        *_images(table, shown),
        *_several_protocols(table),
        *_protocols(table, shown),
        *style_notes(shown),
        *few_images_notes(table, shown),
        *contest_notes(in_columns),
        *missing_notes(table),
        *copy_notes(table),
        *_file_order(shown),
        *_metrics(table),
        *_mixed_steps(table, shown),
        *_hidden_runs(table, records, shown, configurations),
    ]
    return tuple(dict.fromkeys(sentences))


def source_of(protocol: Mapping[str, Any]) -> str:
    """Where a protocol's numbers come from, in a word: its extractor, its perceptual network, else its name."""
    extractor, perceptual = protocol.get("extractor"), protocol.get("perceptual")
    if isinstance(extractor, Mapping):
        extractor = extractor.get("name")
    if isinstance(perceptual, Mapping):
        perceptual = perceptual.get("net")
    return str(extractor or perceptual or protocol.get("name") or "protocol")


def tag(protocol_id: str, protocols: Mapping[str, Mapping[str, Any]]) -> str:
    """What distinguishes a protocol from the others of its metric, for a column's heading.

    It is the protocol's name where no other has the same name. Otherwise it is the extractor with the first digits of
    the id (`alexnet ab12`), at least 4. Protocols of selected checkpoints say so.

    Args:
        protocols: all protocols of the metric by id, this one among them.
    """
    names = {key: (protocol.get("name"), is_selected(protocol)) for key, protocol in protocols.items()}
    name, selected = names[protocol_id]
    suffix = ", selected checkpoint" if selected else ""
    if name is not None and list(names.values()).count((name, selected)) == 1:
        return f"{name}{suffix}"
    digits = 4
    while digits < len(protocol_id) and sum(other[:digits] == protocol_id[:digits] for other in protocols) > 1:
        digits += 1
    return f"{source_of(protocols[protocol_id])} {protocol_id[:digits]}{suffix}"


def words(protocol: Mapping[str, Any]) -> str:
    """A protocol's fields in words, extractor and reference first; SHA-256 digests are cut to 8 digits.

    >>> words({"name": "target", "metric": "kid", "size": 64, "extractor": {"name": "alexnet"}})
    'target, extractor alexnet, size 64'
    """
    first = ("name", "extractor", "perceptual", "reference", "settings", "size")
    fields = {key: protocol[key] for key in (*first, *protocol) if key in protocol and key != "metric"}
    parts = [_field_words(key, value) for key, value in fields.items() if value not in (None, {}, [])]
    return ", ".join(parts)


def style_notes(shown: Iterable[ScoreRecord]) -> Iterator[str]:
    """How many styles each image got, for methods that have many outputs for one image."""
    labels: dict[int, dict[str, None]] = defaultdict(dict)
    for record in shown:
        if record.codes_per_image is not None:
            labels[record.codes_per_image][record.label] = None
    for codes, names in labels.items():
        count = "one style" if codes == 1 else f"{codes} styles"
        yield f"{', '.join(names)}: {count} per image, drawn at random (seed {STYLE_SEED})."


def _field_words(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        fields = dict(value)
        head = next((str(fields.pop(name)) for name in ("name", "net") if name in fields), "")
        inner = ", ".join(_field_words(k, v) for k, v in fields.items() if v is not None)
        if key == "settings":
            return inner
        return f"{key} {head} ({inner})" if head and inner else f"{key} {head or inner}"
    if key == "name":
        return str(value)
    text = str(value)
    return f"{key} {text[:8] if 'sha256' in key else text}"


def _marks(table: Table) -> Iterator[str]:
    cells = [cell for row in table.rows for cell in row.cells.values()]
    if any(cell.best for cell in cells):
        yield BEST
    if any(cell.tied_with_best for cell in cells):
        rules = {cell.tied_by for cell in cells}
        yield f"{TIED} ({'; '.join(text for rule, text in TIED_BY.items() if rule in rules)})."
    if any(not cell.comparable for cell in cells):
        yield NOT_COMPARABLE
    if any(cell.se is not None for cell in cells):
        yield SE_SEEDS if any(cell.n_seeds > 1 for cell in cells) else SE_IMAGES
    if any(1 < cell.n_seeds < TESTABLE for cell in cells):
        yield FEW_SEEDS
    if any(row.key.config != () for row in table.rows):
        yield CONFIGURATIONS


def _images(table: Table, shown: Iterable[ScoreRecord]) -> Iterator[str]:
    """Which blocks are of the images that the data set has now, and which rows do not say of which images they are."""
    labels = [block.images.label for block in table.blocks]
    if any(label.startswith("current") for label in labels):
        yield CURRENT_IMAGES
    if any(label.startswith("earlier") for label in labels):
        yield EARLIER_IMAGES
    known = {(record.dataset, record.direction) for record in shown if content_of(record) != Content()}
    unknown = [record for record in shown if content_of(record) == Content()]
    names = dict.fromkeys(
        f"{record.label} on {record.dataset} {record.direction}"
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
        sentence = f"{words(table.protocols[column.protocol_id])}; {outputs} outputs, {references} references."
        metrics[sentence].append(f"{column.metric} [{column.protocol_id}]")
    for sentence, names in metrics.items():
        yield f"{', '.join(names)}: {sentence}"


def _file_order(shown: Iterable[ScoreRecord]) -> Iterator[str]:
    """How much the order of the files alone changes a score that depends on it."""
    deviations: dict[str, list[float]] = defaultdict(list)
    for record in shown:
        if record.order_sd is not None:
            deviations[f"{record.metric} [{record.protocol_id}]"].append(record.order_sd)
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


def _mixed_steps(table: Table, shown: Iterable[ScoreRecord]) -> Iterator[str]:
    """Rows that mix last checkpoints of different steps. Columns of selected checkpoints say so in their heading."""
    labels = _labels(table)
    steps: dict[tuple[str, str | None], set[int]] = defaultdict(set)
    for record in shown:
        if record.step is not None and not record.selected:
            row = f"{labels[record.run]} on {record.dataset} {record.direction}"
            steps[row, record.sources].add(record.step)
    for (row, _), numbers in steps.items():
        if len(numbers) > 1:
            yield f"{row}: the scores are of different steps ({', '.join(map(str, sorted(numbers)))})."


def _hidden_runs(
    table: Table,
    records: Iterable[ScoreRecord],
    shown: Iterable[ScoreRecord],
    configurations: Mapping[str, Configuration],
) -> Iterator[str]:
    """Runs that are not shown, since another run of the same method and seed is."""
    labels, metrics = _labels(table), {column.metric for column in table.columns}

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
                f"{labels[record.run]}{seed} on {record.dataset}: {len(others) + 1} runs; "
                f"run {record.run} is shown, not {', '.join(others)}."
            )


def _labels(table: Table) -> dict[str, str]:
    """The label of the row that a run is shown in, by the run's id."""
    return {run_id: row.label for row in table.rows for run_id in row.run_ids}


def _range(values: Iterable[int | None]) -> str:
    ordered = sorted({value for value in values if value is not None})
    if not ordered:
        return "an unknown number of"
    return str(ordered[0]) if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
