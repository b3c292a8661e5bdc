"""A table's caption: its marks, each protocol in words, and what a reader must know before comparing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ugbench import registry
from ugbench.scoring.protocols import is_selected
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.marks import BIASED

if TYPE_CHECKING:
    from ugbench.tables.build import Table

# Under this many images a side these are mostly bias, which falls with the number of images.
ENOUGH = 2048
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
FEW_SEEDS = "Fewer than 6 seeds are too few to test a difference between methods; ≈ or its absence is a hint."


def write(table: Table, records: Iterable[ScoreRecord], counted: Sequence[ScoreRecord]) -> list[str]:
    """The sentences under a table.

    Args:
        table: the table, whose own notes are not read.
        records: all that were given, to say what was left out.
        counted: those that its cells were made from.
    """
    sentences = [
        *_marks(table),
        *_several_protocols(table),
        *_protocols(table, counted),
        *_biased(counted),
        *_order(counted),
        *_metrics(table),
        *_mixed_steps(counted),
        *_left_out(table, records, counted),
    ]
    return list(dict.fromkeys(sentences))


def source_of(protocol: Mapping[str, Any]) -> str:
    """What a protocol's numbers come from, in a word: its extractor, its perceptual net, else its name."""
    extractor, perceptual = protocol.get("extractor"), protocol.get("perceptual")
    if isinstance(extractor, Mapping):
        extractor = extractor.get("name")
    if isinstance(perceptual, Mapping):
        perceptual = perceptual.get("net")
    return str(extractor or perceptual or protocol.get("name") or "protocol")


def tag(protocol_id: str, among: Mapping[str, Mapping[str, Any]]) -> str:
    """What tells this protocol from the others of its metric: its name where no other has it, else `alexnet ab12`
    with 4 digits of its id or more; and whether its checkpoints were selected."""
    names = [(protocol.get("name"), is_selected(protocol)) for protocol in among.values()]
    own, selected = among[protocol_id].get("name"), is_selected(among[protocol_id])
    suffix = ", selected checkpoint" if selected else ""
    if own is not None and names.count((own, selected)) == 1:
        return f"{own}{suffix}"
    digits = 4
    while digits < len(protocol_id) and sum(other[:digits] == protocol_id[:digits] for other in among) > 1:
        digits += 1
    return f"{source_of(among[protocol_id])} {protocol_id[:digits]}{suffix}"


def words(protocol: Mapping[str, Any]) -> str:
    """A protocol's fields in words, extractor and reference first; digests cut to 8 digits.

    >>> words({"name": "target", "metric": "kid", "size": 64, "extractor": {"name": "alexnet"}})
    'target, extractor alexnet, size 64'
    """
    first = ("name", "extractor", "perceptual", "reference", "settings", "size")
    fields = {key: protocol[key] for key in (*first, *protocol) if key in protocol and key != "metric"}
    parts = [_words(key, value) for key, value in fields.items() if value not in (None, {}, [])]
    return ", ".join(parts)


def _words(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        own = dict(value)
        head = next((str(own.pop(name)) for name in ("name", "net") if name in own), "")
        inner = ", ".join(_words(k, v) for k, v in own.items() if v is not None)
        if key == "settings":
            return inner
        return f"{key} {head} ({inner})" if head and inner else f"{key} {head or inner}"
    if key == "name":
        return str(value)
    text = str(value)
    return f"{key} {text[:8] if 'sha256' in key else text}"


def _marks(table: Table) -> Iterator[str]:
    cells = [(row, cell) for row in table.rows for cell in row.cells.values()]
    if any(cell.best for _, cell in cells):
        yield BEST
    if any(cell.tied_with_best for _, cell in cells):
        used = {cell.tied_by for _, cell in cells if cell.tied_by is not None}
        yield f"{TIED} ({'; '.join(TIED_BY[by] for by in TIED_BY if by in used)})."
    if any(not cell.comparable for _, cell in cells):
        yield NOT_COMPARABLE
    if any(cell.se is not None for _, cell in cells):
        yield SE_SEEDS if any(cell.n_seeds > 1 for _, cell in cells) else SE_IMAGES
    if any(1 < cell.n_seeds < TESTABLE for _, cell in cells):
        yield FEW_SEEDS


def _several_protocols(table: Table) -> Iterator[str]:
    for metric in dict.fromkeys(column.metric for column in table.columns):
        count = sum(column.metric == metric for column in table.columns)
        if count > 1:
            yield f"{metric} has {count} protocols, a column each: numbers compare within a column only."


def _protocols(table: Table, counted: Iterable[ScoreRecord]) -> Iterator[str]:
    """Each protocol in words; metrics whose protocols say the same share a sentence."""
    sizes: dict[tuple[str, str], list[ScoreRecord]] = defaultdict(list)
    for one in counted:
        sizes[one.metric, one.protocol_id].append(one)
    named: dict[str, list[str]] = defaultdict(list)
    for column in table.columns:
        own = sizes[column.metric, column.protocol_id]
        numbers = f"{_range(r.n_fake for r in own)} outputs, {_range(r.n_real for r in own)} references"
        named[f"{words(table.protocols[column.protocol_id])}; {numbers}."].append(
            f"{column.metric} [{column.protocol_id}]"
        )
    for how, names in named.items():
        yield f"{', '.join(names)}: {how}"


def _biased(counted: Iterable[ScoreRecord]) -> Iterator[str]:
    small = [r for r in counted if r.metric in BIASED and min(r.n_fake, r.n_real) < ENOUGH]
    if not small:
        return
    names = " and ".join(dict.fromkeys(r.metric for r in small))
    yield f"{names}: under {ENOUGH:,} images mostly bias; compare at equal numbers of images only."
    counts: dict[tuple[str, str], set[tuple[int, int]]] = defaultdict(set)
    for one in small:
        counts[one.dataset, one.direction].add((one.n_fake, one.n_real))
    for (dataset, direction), sizes in counts.items():
        if len(sizes) > 1:
            pairs = ", ".join(f"{fake} against {real}" for fake, real in sorted(sizes))
            yield f"{names} on {dataset} {direction}: {pairs} images; only rows of the commonest numbers compete."


def _order(counted: Iterable[ScoreRecord]) -> Iterator[str]:
    """How far the order of files alone moves a score that hangs on it."""
    spread: dict[str, list[float]] = defaultdict(list)
    for one in counted:
        if one.order_sd is not None:
            spread[f"{one.metric} [{one.protocol_id}]"].append(one.order_sd)
    for what, found in spread.items():
        yield f"{what}: files in sorted order; other orders move the raw value by {max(found):.2g} (one sd)."


def _metrics(table: Table) -> Iterator[str]:
    """What a metric itself must have said of it."""
    for name in dict.fromkeys(column.metric for column in table.columns):
        if name in registry.modules("metrics"):
            note = registry.load_metric(name).note
            if note is not None:
                yield note


def _mixed_steps(counted: Iterable[ScoreRecord]) -> Iterator[str]:
    """Scores of last checkpoints that are of several; selected ones say so in their column."""
    steps: dict[str, set[int]] = defaultdict(set)
    for one in counted:
        if one.step is not None and not one.selected:
            steps[f"{one.label} on {one.dataset} {one.direction}"].add(one.step)
    for who, found in steps.items():
        if len(found) > 1:
            yield f"{who}: the scores are of different steps ({', '.join(map(str, sorted(found)))})."


def _left_out(table: Table, records: Iterable[ScoreRecord], counted: Iterable[ScoreRecord]) -> Iterator[str]:
    """Several runs of one method and seed: only one of them is in the table."""
    metrics = {column.metric for column in table.columns}
    runs: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for one in records:
        if one.metric in metrics:
            runs[one.identity].add(one.run)
    for one in {r.identity: r for r in counted}.values():
        others = sorted(runs[one.identity] - {one.run})
        if others:
            seed = "" if one.seed is None else f", seed {one.seed},"
            yield (
                f"{one.label}{seed} on {one.dataset}: {len(others) + 1} runs; "
                f"run {one.run} is shown, not {', '.join(others)}."
            )


def _range(numbers: Iterable[int]) -> str:
    found = sorted(set(numbers))
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"
