"""Rankings as sections, which stand below the scores in each layout."""

from __future__ import annotations

from ugbench.tables.layouts.grid import GridCell, GridColumn, GridRow, Panel, Section
from ugbench.tables.model import Ranking, Table

HEADS = ("mean rank", "largest regret", "where")


def ranking_sections(table: Table) -> list[Section]:
    """A section for each ranking of the table; regrets have the column's scale."""
    return [_section(ranking) for ranking in table.rankings]


def _section(ranking: Ranking) -> Section:
    scale = ranking.column.scale
    rows = [
        GridRow(
            (method.label,),
            (
                GridCell(
                    f"{method.mean_rank:.2f}", rest=_limits(method.mean_rank_low, method.mean_rank_high, "{:.2f}")
                ),
                GridCell(
                    f"{method.regret * scale:.4g}", rest=_limits(method.regret_low, method.regret_high, "{:.3g}", scale)
                ),
                GridCell(rest=method.where or ""),
            ),
        )
        for method in ranking.methods
    ]
    datasets = f"{ranking.datasets} data set{'s' * (ranking.datasets != 1)}"
    title = f"Across {datasets}: {ranking.column.title}"
    panel = Panel(("method",), tuple(map(GridColumn, HEADS)), tuple(rows))
    return Section(title, (panel,), f"across-{ranking.column.key}", caption=title)


def _limits(low: float | None, high: float | None, template: str, scale: float = 1.0) -> str:
    """An interval in brackets; empty where there is none."""
    if low is None or high is None:
        return ""
    return f" [{template.format(scale * low)}, {template.format(scale * high)}]"
