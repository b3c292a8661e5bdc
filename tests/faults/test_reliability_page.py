"""docs/reliability.md shows the figures of the campaign that docs/reference/reliability.json holds."""

import json
from pathlib import Path

from summary import TABLES, with_tables

ROOT = Path(__file__).parents[2]


def test_the_tables_of_the_page_are_those_of_the_figures() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    figures = json.loads((ROOT / "docs" / "reference" / "reliability.json").read_text(encoding="utf-8"))
    assert all(f"<!-- {name} -->\n|" in page for name in TABLES)
    assert with_tables(page, figures) == page


def test_the_campaign_lost_nothing_and_noticed_every_sabotage() -> None:
    figures = json.loads((ROOT / "docs" / "reference" / "reliability.json").read_text(encoding="utf-8"))
    methods = figures["kills"]["methods"].values()
    assert all(sum(report["kills"].values()) >= 50 and report["differing"] == {} for report in methods)
    assert all(5 * report["inside_saves"] >= sum(report["kills"].values()) for report in methods)
    assert all(noticed for by_method in figures["kills"]["controls"].values() for noticed in by_method.values())
    assert sum(figures["damage"]["tried"].values()) == sum(figures["damage"]["detected"].values()) == 1000
    assert sum(figures["inputs"]["tried"].values()) == 1000 and figures["inputs"]["faults"] == []
