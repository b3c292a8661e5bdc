"""docs/figures.md shows every figure there is, each with its command."""

from __future__ import annotations

from pathlib import Path

from ugbench import registry

DOCS = Path(__file__).parents[2] / "docs"


def test_every_figure_has_a_heading_a_command_and_a_picture() -> None:
    text = (DOCS / "figures.md").read_text(encoding="utf-8")
    own = [name for name, path in registry.modules("figures").items() if path.startswith("ugbench.")]
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert sorted(headings) == sorted(own)
    for name in own:
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        picture = f"images/figure-{name.replace('_', '-')}.png"
        assert f"ugbench figure {name}" in section
        assert f"]({picture})" in section
        assert (DOCS / picture).stat().st_size < 250_000
