"""docs/config.md is what its script writes today, and has every field."""

from __future__ import annotations

import runpy
from pathlib import Path

from ugbench import registry

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_current() -> None:
    script = runpy.run_path(str(DOCS / "reference" / "config_page.py"))
    assert (DOCS / "config.md").read_text(encoding="utf-8") == script["page"]()


def test_the_page_has_every_field_with_a_description() -> None:
    rows = [line.split(" | ") for line in (DOCS / "config.md").read_text(encoding="utf-8").splitlines()]
    described = {row[0].strip("| `"): row[-1].strip(" |") for row in rows if len(row) == 4 and row[0].startswith("| `")}
    for name in ("aggan", "cut", "cyclegan", "ugatit", "unit"):
        assert set(registry.load_method(name).Config.model_fields) <= described.keys()
    assert [field for field, text in described.items() if not text] == []
