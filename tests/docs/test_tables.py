"""Every table on a page of docs/ is what the committed score records print today."""

from __future__ import annotations

from pathlib import Path

import pytest

from ugbench.analysis import differences
from ugbench.scoring.record import read_all
from ugbench.tables.build import build_table
from ugbench.tables.formats import render

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path.name for path in (DOCS / "reference").iterdir() if path.is_dir())


def test_there_are_pages_with_tables() -> None:
    assert PAGES


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_the_table_of_its_records(page: str) -> None:
    records = DOCS / "reference" / page
    built = build_table(read_all(records), differences=differences.read_all(records))
    table = render(built, "md")
    assert table.strip() in (DOCS / f"{page}.md").read_text(encoding="utf-8")
