"""Fonts made by hand, and a machine on which only chosen fonts are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from ugbench.figures import _text

FAMILY = "Test Sans"
CACHED = (_text.font_of, _text.installed_families, _text._codes, _text._name_missing_package)


@pytest.fixture
def install_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """install_fonts(files): the machine has these fonts and those that matplotlib brings along."""
    manager = font_manager.fontManager

    def clear() -> None:
        for function in CACHED:
            function.cache_clear()
        manager._findfont_cached.cache_clear()

    def install(*files: Path) -> None:
        bundled = Path(matplotlib.get_data_path())
        monkeypatch.setattr(manager, "ttflist", [e for e in manager.ttflist if bundled in Path(e.fname).parents])
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(file) for file in files])
        clear()

    yield install
    monkeypatch.undo()
    clear()


@pytest.fixture
def font(tmp_path: Path) -> Path:
    """A font that has the letters 中, 文 and 한, as squares."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 800), (900, 800), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square, names = pen.glyph(), (".notdef", *(f"u{ord(letter):04X}" for letter in "中文한"))
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(names))
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):04X}" for letter in "中文한"})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": FAMILY, "styleName": "Regular", "psName": "TestSans-Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(tmp_path / "test.ttf")
    return tmp_path / "test.ttf"
