"""Methods over all data sets and directions of a table: mean rank, and the most that each gives away anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ugbench.errors import UsageError
from ugbench.statistics.ranking import Standing, standings
from ugbench.tables import marks
from ugbench.tables.build import Column, Table
from ugbench.tables.layout import blocks


@dataclass(frozen=True)
class Across:
    """The standings of one metric under one protocol.

    Attributes:
        column: whose numbers they are.
        blocks: data set and direction of each that was used, as `cat2dog A2B`.
        standings: by the methods' labels, best mean rank first; regrets are raw.
        left_out: methods that compete in some of these blocks and not in all.
    """

    column: Column
    blocks: tuple[str, ...]
    standings: Mapping[str, Standing]
    left_out: tuple[str, ...]

    @property
    def head(self) -> tuple[str, ...]:
        """Headings of its columns."""
        return ("method", "mean rank", "largest regret", "where")

    @property
    def title(self) -> str:
        """Heading of its small table."""
        return f"Across {len(self.blocks)} data sets and directions: {self.column.title}"

    def lines(self) -> list[tuple[str, ...]]:
        """A line a method under `head`, for reading: regrets in the column's scale."""
        return [
            (
                label,
                f"{one.mean_rank:.2f}",
                f"{one.regret * self.column.scale:.4g}",
                one.worst if one.regret > 0 else "",
            )
            for label, one in self.standings.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """Raw; `where` is null for a method that is the best everywhere."""
        return {
            "metric": self.column.metric,
            "protocol_id": self.column.protocol_id,
            "blocks": list(self.blocks),
            "methods": [
                {
                    "label": label,
                    "mean_rank": one.mean_rank,
                    "regret": one.regret,
                    "where": one.worst if one.regret > 0 else None,
                }
                for label, one in self.standings.items()
            ],
            "left_out": list(self.left_out),
        }


def add_across(table: Table) -> Table:
    """The table with the standings of each column that has a best, and which blocks they are over.

    A block counts where two methods or more compete in the column, as `marks.race` says: not identity, real,
    numbers that are comparable with nothing, or biased ones of another number of images. Only methods that compete
    in every such block are listed.

    Raises:
        UsageError: no column has two methods in two such blocks.
    """
    tried = {column: _values(table, column) for column in table.columns if column.higher_is_better is not None}
    made = [one for column, values in tried.items() if (one := _across(column, values)) is not None]
    if not made:
        raise UsageError(
            "--across needs two data sets or directions that two methods share, scored by one metric and protocol; "
            "score more with `ugbench eval`, or leave out data sets with --dataset."
        )
    return replace(table, across=tuple(made), notes=(*table.notes, *_notes(made, list(tried))))


def _values(table: Table, column: Column) -> dict[str, dict[str, float]]:
    """Values by block and label, where two methods compete."""
    found = {}
    for block in blocks(table):
        racing, _ = marks.race(block.rows, column)
        own = {
            row.label: row.cells[column.key].value
            for row in block.rows
            if any(row.cells.get(column.key) is one for one in racing)
        }
        if len(own) > 1:
            found[block.title] = own
    return found


def _across(column: Column, values: Mapping[str, Mapping[str, float]]) -> Across | None:
    labels = list(dict.fromkeys(label for own in values.values() for label in own))
    everywhere = [label for label in labels if all(label in own for own in values.values())]
    if len(values) < 2 or len(everywhere) < 2:
        return None
    shared = {block: {label: own[label] for label in everywhere} for block, own in values.items()}
    left_out = tuple(label for label in labels if label not in everywhere)
    return Across(column, tuple(values), standings(shared, bool(column.higher_is_better)), left_out)


def _notes(made: list[Across], tried: list[Column]) -> Iterator[str]:
    yield (
        "Across: mean rank (1 is best) and largest regret, the most by which a method is worse than the best listed "
        "one of a data set and direction; they describe these data sets and test nothing."
    )
    for one in made:
        who = f"; not {', '.join(one.left_out)}, which lack some" if one.left_out else ""
        yield f"Across, {one.column.title}: {', '.join(one.blocks)}{who}."
    skipped = [column.title for column in tried if all(column is not one.column for one in made)]
    if skipped:
        yield f"Across has no {', '.join(skipped)}: fewer than two methods share two data sets or directions."
