"""Which score records a table counts, of all that the files hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ugbench.errors import UnknownName, UsageError
from ugbench.scoring.protocols import PROTOCOLS
from ugbench.scoring.record import ScoreRecord


@dataclass(frozen=True, order=True)
class Measured:
    """What was measured: a metric under one protocol, one way."""

    metric: str
    protocol_id: str
    direction: str


def over_steps(records: Iterable[ScoreRecord]) -> dict[Measured, dict[int, ScoreRecord]]:
    """One run's scores against the steps of its checkpoints; of several of one step the newest.

    Args:
        records: of one run, oldest first; those that tell no step are left out.
    """
    found: dict[Measured, dict[int, ScoreRecord]] = {}
    for one in records:
        if one.step is not None:
            found.setdefault(Measured(one.metric, one.protocol_id, one.direction), {})[one.step] = one
    return found


def latest(records: Iterable[ScoreRecord]) -> list[ScoreRecord]:
    """The records that count, see `ugbench.tables.build.build_table`; the order of the first of each kind.

    A selected checkpoint is scored under a protocol of its own, so it stands beside the last one. How long a run was
    trained is told by its last checkpoint; a later selection replaces an earlier one, whichever steps they chose.
    """
    records = list(records)
    shown: dict[tuple[Any, ...], ScoreRecord] = {}
    for one in records:
        other = shown.get(one.subject)
        if other is None or _trained(one) >= _trained(other):
            shown[one.subject] = one
    found: dict[tuple[Any, ...], ScoreRecord] = {}
    for one in records:
        if one.run != shown[one.subject].run:
            continue  # a row's numbers are of one run
        other = found.get(one.identity)
        if other is None or one.selected or (one.step or 0) >= (other.step or 0):
            found[one.identity] = one
    return list(found.values())


def under_protocol(records: Sequence[ScoreRecord], name: str) -> list[ScoreRecord]:
    """The records whose protocol has this name (see `ugbench.scoring.protocols`), whatever else it says.

    Raises:
        UnknownName: no protocol is called so.
        UsageError: no record is of it.
    """
    known = {str(one.protocol.get("name")) for one in records}
    if name not in known | set(PROTOCOLS):
        raise UnknownName("protocol", name, known | set(PROTOCOLS))
    if name not in known:
        raise UsageError(
            f"no scores of protocol {name}, only of {', '.join(sorted(known))}; run `ugbench eval --protocol {name}`."
        )
    return [one for one in records if one.protocol.get("name") == name]


def _trained(one: ScoreRecord) -> tuple[bool, int]:
    return not one.selected, one.step or 0
