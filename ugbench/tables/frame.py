"""A table as a DataFrame of pandas: raw values to compute with, and `style` to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import pandas
from markupsafe import escape

from ugbench.tables.formats.csv import raw_rows
from ugbench.tables.layouts import lay_out
from ugbench.tables.model import Table

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler
    from pandas.io.formats.style_render import CSSDict


class TableFrame(pandas.DataFrame):
    """The rows of a table, with the columns and the raw values of `ugbench table --format csv`.

    What is computed from it, such as a selection of rows, is an ordinary DataFrame.

    Attributes:
        notes: the sentences under the table: protocols in words, and what a reader must know.
    """

    _metadata: ClassVar[list[str]] = ["_table"]  # how pandas knows an attribute that is no column
    _table: Table

    @property
    def _constructor(self) -> Callable[..., pandas.DataFrame]:
        return pandas.DataFrame

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences under the table."""
        return lay_out(self._table, "blocks").notes

    @property
    def style(self) -> Styler:
        """The table to read: scaled and rounded scores with standard errors, display names, the best in bold.

        Rows are labelled by data set and direction, and method. It holds texts, as `ugbench table` prints them; the
        notes are its caption.
        """
        grids = lay_out(self._table, "blocks")
        labels: list[tuple[str, str]] = []
        texts: list[dict[str, str]] = []
        best: list[set[str]] = []
        for section in grids.sections:
            for panel in section.panels:
                heads = [*panel.label_heads[1:], *(column.title for column in panel.columns)]
                for row in panel.rows:
                    cells = [*row.labels[1:], *(f"{cell.text} {cell.mark}".rstrip() for cell in row.cells)]
                    labels.append((section.title, row.labels[0]))
                    texts.append(dict(zip(heads, cells, strict=True)))
                    best.append({c.title for c, cell in zip(panel.columns, row.cells, strict=True) if cell.best})
        index = pandas.MultiIndex.from_tuples(labels, names=["", "method"])
        shown = pandas.DataFrame(texts, index=index).fillna("")
        # By place and not by label, because two rows may have one label.
        styles: list[CSSDict] = [
            {"selector": f"td.row{row}.col{place}", "props": "font-weight: bold"}
            for row, heads_of_best in enumerate(best)
            for place, head in enumerate(shown.columns)
            if head in heads_of_best
        ]
        caption = "<br>".join(str(escape(note)) for note in grids.notes)
        styler = shown.style.format(escape="html").format_index(escape="html").format_index(escape="html", axis=1)
        styles.append({"selector": "caption", "props": "caption-side: bottom; text-align: left"})
        return styler.set_caption(caption).set_table_styles(styles)


def to_frame(table: Table) -> TableFrame:
    """The table as a DataFrame.

    Args:
        table: made with display names; `style` shows them.
    """
    heads, rows = raw_rows(table)
    frame = TableFrame(rows, columns=heads)
    frame._table = table
    return frame
