"""docs/gallery.md shows every figure there is, and the other pictures, each with its command."""

from __future__ import annotations

from pathlib import Path

from ugbench import registry

DOCS = Path(__file__).parents[2] / "docs"
OTHERS = {
    "Sample grids": ("ugbench train", "gallery-samples"),
    "Attention overlays": ("ugbench translate", "gallery-overlays"),
    "Report": ("ugbench report", "report"),
}


def test_every_figure_and_other_picture_has_a_heading_a_command_and_a_small_picture() -> None:
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    own = [name for name, path in registry.modules("figures").items() if path.startswith("ugbench.")]
    shown = {name: (f"ugbench figure {name}", f"figure-{name.replace('_', '-')}") for name in own} | OTHERS
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert sorted(headings) == sorted(shown)
    for heading, (command, picture) in shown.items():
        section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
        assert f"`{command}" in section or f"\n{command}" in section
        assert f"](images/{picture}.png)" in section
        assert (DOCS / "images" / f"{picture}.png").stat().st_size < 250_000
    assert sum((DOCS / "images" / f"{picture}.png").stat().st_size for _, picture in shown.values()) < 1_500_000
