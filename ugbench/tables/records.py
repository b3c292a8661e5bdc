"""Which score records a table shows, of all that the files hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ugbench.errors import UnknownName, UsageError
from ugbench.runs.configurations import Configuration
from ugbench.scoring.protocols import PROTOCOLS
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.contents import Content, content_of, without_superseded
from ugbench.tables.rows import IDENTITY, REAL


@dataclass(frozen=True, order=True)
class Measured:
    """What was measured: a metric under one protocol, in one direction."""

    metric: str
    protocol_id: str
    direction: str


def over_steps(records: Iterable[ScoreRecord]) -> dict[Measured, dict[int, ScoreRecord]]:
    """One run's records by the step of the scored checkpoint; of several records of one step the newest counts.

    Records of other images than those of the newest record are left out, except those of an older version, which do
    not name their images. So are records of outputs with another number of styles for each image.

    Args:
        records: of one run, oldest first; records without a step are left out.
    """
    by_step: dict[Measured, dict[int, ScoreRecord]] = {}
    newest: dict[Measured, ScoreRecord] = {}
    for record in records:
        if record.step is not None:
            key = Measured(record.metric, record.protocol_id, record.direction)
            by_step.setdefault(key, {})[record.step] = record
            newest[key] = record
    return {
        key: {step: record for step, record in steps.items() if _belong_together(record, newest[key])}
        for key, steps in by_step.items()
    }


def _belong_together(record: ScoreRecord, newest: ScoreRecord) -> bool:
    same_images = content_of(record) in (content_of(newest), Content())
    return same_images and record.codes_per_image == newest.codes_per_image


def latest(
    records: Iterable[ScoreRecord], configurations: Mapping[str, Configuration] | None = None
) -> list[ScoreRecord]:
    """The records that a table shows, one for each run, metric and protocol, in the order of the files.

    Every configuration of a method is shown. Where that of a run is not known, because its config.json is missing, runs
    with the same method, variant and seed are alternatives: the one that was trained longest is shown, or, if several
    are equal, the one scored last. How long a run was trained is read from the scores of its last checkpoint. Of each
    metric and protocol of a run the record of the latest step counts, and of several at that step the newest. Scores of
    selected checkpoints have protocols of their own; of these the newest counts, whichever step was selected. All this
    holds for scores of the same images: scores of other images are shown as well, in another block.

    Args:
        records: oldest first, as files hold them.
        configurations: by the ids of runs.
    """
    records, configurations = list(records), configurations or {}
    subjects = [subject_of(record, configurations) for record in records]
    # A selected checkpoint does not show how long its run was trained. Sorting is stable: of equals the last counts.
    pairs = list(zip(subjects, records, strict=True))
    longest = dict(sorted(pairs, key=lambda pair: (not pair[1].selected, pair[1].step or 0)))
    shown: dict[tuple[Any, ...], ScoreRecord] = {}
    for subject, record in pairs:
        if record.run != longest[subject].run:
            continue  # the numbers of one row and seed come from one run
        key = ((*subject, record.metric, record.protocol_id), content_of(record))
        other = shown.get(key)
        if other is None or record.selected or (record.step or 0) >= (other.step or 0):
            shown[key] = record
    return without_superseded((key, record) for (key, _), record in shown.items())


def subject_of(record: ScoreRecord, configurations: Mapping[str, Configuration]) -> tuple[Any, ...]:
    """What was scored, the configuration included. Of several runs of one subject a table shows one.

    Runs of one seed that began from two seeds of another run are two subjects, so that both count in their row's mean.
    """
    config = configurations.get(record.run)
    return (*record.subject, None if config is None else (config.id, config.starts))


def of_runs(records: Iterable[ScoreRecord], run_ids: Collection[str]) -> list[ScoreRecord]:
    """The records of these runs, and those of `identity` and `real` under the protocols of these runs' scores.

    Raises:
        UsageError: none of these runs has a score.
    """
    records = list(records)
    places = {_place(record) for record in records if record.run in run_ids}
    if not places:
        raise UsageError("none of the chosen runs has a score; run `ugbench eval` to make some.")
    references = (IDENTITY, REAL)
    return [
        record for record in records if record.run in run_ids or (record.run in references and _place(record) in places)
    ]


def _place(record: ScoreRecord) -> tuple[str, str, str]:
    return record.dataset, record.direction, record.protocol_id


def under_protocol(records: Sequence[ScoreRecord], name: str) -> list[ScoreRecord]:
    """The records under a protocol of this name (see `ugbench.scoring.protocols`).

    Raises:
        UnknownName: there is no protocol of this name.
        UsageError: no record was made under it.
    """
    scored = {str(record.protocol.get("name")) for record in records}
    if name not in scored | set(PROTOCOLS):
        raise UnknownName("protocol", name, scored | set(PROTOCOLS))
    if name not in scored:
        raise UsageError(
            f"no scores of protocol {name}, only of {', '.join(sorted(scored))}; run `ugbench eval --protocol {name}`."
        )
    return [record for record in records if record.protocol.get("name") == name]
