"""Which score records a table shows, of all that the files hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ugbench.errors import UnknownName, UsageError
from ugbench.scoring.protocols import PROTOCOLS
from ugbench.scoring.record import ScoreRecord


@dataclass(frozen=True, order=True)
class Measured:
    """What was measured: a metric under one protocol, in one direction."""

    metric: str
    protocol_id: str
    direction: str


def over_steps(records: Iterable[ScoreRecord]) -> dict[Measured, dict[int, ScoreRecord]]:
    """One run's records by the step of the scored checkpoint; of several records of one step the newest counts.

    Args:
        records: of one run, oldest first; records without a step are left out.
    """
    by_step: dict[Measured, dict[int, ScoreRecord]] = {}
    for record in records:
        if record.step is not None:
            key = Measured(record.metric, record.protocol_id, record.direction)
            by_step.setdefault(key, {})[record.step] = record
    return by_step


def latest(records: Iterable[ScoreRecord]) -> list[ScoreRecord]:
    """The records that a table shows, one for each run, metric and protocol, in the order of the files.

    Of several runs with the same method, variant and seed the one that was trained longest is shown, of equals the one
    scored last. How long a run was trained is read from the scores of its last checkpoint. Of each of its metrics and
    protocols the record of the latest step counts, of equals the newest. Scores of selected checkpoints have protocols
    of their own; of these the newest counts, whichever step was selected.

    Args:
        records: oldest first, as files hold them.
    """
    records = list(records)
    longest: dict[tuple[Any, ...], ScoreRecord] = {}
    # A selected checkpoint does not show how long its run was trained. Sorting is stable: of equals the last counts.
    for record in sorted(records, key=lambda record: (not record.selected, record.step or 0)):
        longest[record.subject] = record
    shown: dict[tuple[Any, ...], ScoreRecord] = {}
    for record in records:
        if record.run != longest[record.subject].run:
            continue  # the numbers of one row and seed come from one run
        other = shown.get(record.identity)
        if other is None or record.selected or (record.step or 0) >= (other.step or 0):
            shown[record.identity] = record
    return list(shown.values())


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
