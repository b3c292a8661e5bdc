"""Rankings as sections, which stand below the scores in each layout."""

from __future__ import annotations

from ugbench.tables.layouts.grid import GridCell, GridColumn, GridRow, Panel, Section
from ugbench.tables.model import Ranking, Table

HEADS = ("mean rank", "largest regret", "where")


def ranking_sections(table: Table) -> list[Section]:
    """A section for each ranking of the table; regrets have the column's scale."""
    return [_section(ranking) for ranking in table.rankings]


def _section(ranking: Ranking) -> Section:
    rows = [
        GridRow(
            (method.label,),
            (
                GridCell(f"{method.mean_rank:.2f}"),
                GridCell(f"{method.regret * ranking.column.scale:.4g}"),
                GridCell(rest=method.where or ""),
            ),
        )
        for method in ranking.methods
    ]
    title = f"Across {len(ranking.blocks)} data sets and directions: {ranking.column.title}"
    panel = Panel(("method",), tuple(map(GridColumn, HEADS)), tuple(rows))
    return Section(title, (panel,), f"across-{ranking.column.key}", caption=title)
