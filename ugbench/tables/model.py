"""Columns that stand beside the scores and are none of ours: they take part in no comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """What such a column says of one row.

    Attributes:
        text: for reading.
        raw: what JSON holds of it.
        numbers: raw, by the heads of the column's `csv`.
    """

    text: str
    raw: Any
    numbers: Mapping[str, float | None]


@dataclass(frozen=True)
class Beside:
    """One such column.

    Attributes:
        key: its name in JSON, and in the rows' `beside`.
        under: the JSON object of a row that holds it: published, about or votes.
        title: heading.
        csv: heads of its columns there.
        head: what JSON holds of the whole column, once a table; None where there is nothing to say.
    """

    key: str
    under: str
    title: str
    csv: tuple[str, ...]
    head: Mapping[str, Any] | None = None
