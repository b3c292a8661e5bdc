"""A table as grids of text, which the formats for reading share: headings and lines for each block and ranking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ugbench.tables.model import Block, Cell, Column, ExtraColumn, Ranking, Row, Table
from ugbench.tables.numbers import number, sign

RANKING_HEADS = ("method", "mean rank", "largest regret", "where")


@dataclass(frozen=True)
class TextGrid:
    """A title, headings, and lines with a text for each heading; the texts of the first column are labels."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def text_grids(table: Table, escape: Callable[[str], str], bold: str) -> Iterator[TextGrid]:
    """The blocks of a table, then its rankings.

    Args:
        escape: makes a text that the format shows as it is.
        bold: template of the best of a column; `{}` is its number.
    """
    for block in table.blocks:
        columns, extra_columns = table.columns_of(block), table.extra_columns_of(block)
        lines = [
            (
                *map(escape, labels(block, row)),
                *(_score(row.cells.get(column.key), column, escape, bold) for column in columns),
                *(escape(extra_text(row, column)) for column in extra_columns),
            )
            for row in block.rows
        ]
        yield TextGrid(escape(block.title), tuple(map(escape, heads(table, block))), tuple(lines))
    for ranking in table.rankings:
        grid = ranking_grid(ranking)
        lines = [tuple(map(escape, line)) for line in grid.lines]
        yield TextGrid(escape(grid.title), tuple(map(escape, grid.heads)), tuple(lines))


def ranking_grid(ranking: Ranking) -> TextGrid:
    """A ranking as texts; regrets have the column's scale."""
    scale = ranking.column.scale
    lines = [
        (
            method.label,
            f"{method.mean_rank:.2f}" + _limits(method.mean_rank_low, method.mean_rank_high, "{:.2f}"),
            f"{method.regret * scale:.4g}" + _limits(method.regret_low, method.regret_high, "{:.3g}", scale),
            method.where or "",
        )
        for method in ranking.methods
    ]
    datasets = f"{ranking.datasets} data set{'s' * (ranking.datasets != 1)}"
    return TextGrid(f"Across {datasets}: {ranking.column.title}", RANKING_HEADS, tuple(lines))


def _limits(low: float | None, high: float | None, template: str, scale: float = 1.0) -> str:
    """An interval in brackets; empty where there is none."""
    if low is None or high is None:
        return ""
    return f" [{template.format(scale * low)}, {template.format(scale * high)}]"


def heads(table: Table, block: Block) -> list[str]:
    """The headings of a block: of its labels, its scores and its extra columns."""
    columns: list[Column | ExtraColumn] = [*table.columns_of(block), *table.extra_columns_of(block)]
    return [*label_heads(block), *(column.title for column in columns)]


def label_heads(block: Block) -> list[str]:
    """The headings of what stands before a row's numbers. Only a block with means over seeds has a column of seeds."""
    return ["method", "seeds"] if _has_seeds(block) else ["method"]


def labels(block: Block, row: Row) -> list[str]:
    """The texts before a row's numbers, one for each of `label_heads`."""
    return [row.label, _seeds(row)] if _has_seeds(block) else [row.label]


def extra_text(row: Row, column: ExtraColumn) -> str:
    """The text of a row in an extra column; empty where it has none."""
    cell = row.extra.get(column.key)
    return "" if cell is None else cell.text


def _has_seeds(block: Block) -> bool:
    return any(cell.n_seeds > 1 for row in block.rows for cell in row.cells.values())


def _seeds(row: Row) -> str:
    """How many seeds the cells of a row are means of: `3`, or `1-3` where they differ; empty for identity and real."""
    counts = sorted({cell.n_seeds for cell in row.cells.values()})
    if not row.competes or not counts:
        return ""
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


def _score(cell: Cell | None, column: Column, escape: Callable[[str], str], bold: str) -> str:
    if cell is None:
        return ""
    text = escape(number(cell, column.scale))
    return f"{bold.format(text) if cell.best else text} {escape(sign(cell))}".rstrip()
