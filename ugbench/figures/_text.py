"""Text in figures: drawn as it is, in fonts that have its letters.

Names of methods, data sets, layers and files come from others. Nothing in them is read as mathematics. A letter that
the usual font lacks is drawn in an installed font that has it. Where there is none, its code is drawn (U+4E2D), and a
line on stderr says which package to install.
"""

from __future__ import annotations

import functools
import io
import logging
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager, style
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogFormatterMathtext, NullFormatter

from ugbench.file_names import readable
from ugbench.visible import visible

FONT = "DejaVu Sans"  # it comes with matplotlib
STYLE = "ugbench.figures.print"
SCREEN_DPI = 100
PACKAGES = {  # Debian's package for the letters whose Unicode names begin so; all others are in OTHER_PACKAGE
    "fonts-noto-cjk": ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH"),
}
OTHER_PACKAGE = "fonts-noto-core"
PREFERRED = ("Noto Sans CJK SC", "Noto Sans")  # fonts that are tried first
_JOINTS = re.compile(r"(?<=[-_./+:,=])(?=[^\s])")  # places inside a word at which a line may be broken

_logger = logging.getLogger(__name__)


class PlainTextFigure(Figure):
    """A figure whose texts are drawn as they are, always with the settings of print.mplstyle."""

    def draw(self, renderer: Any) -> None:
        """Draw the figure; ticks, which matplotlib makes only now, get the same settings as the rest."""
        with style.context(STYLE):
            for axis in self.findobj(Axis):
                _make_tick_labels_plain(axis)
            for text in self.findobj(Text):
                text.set_text(plain(text.get_text()))
                text.set_fontfamily(families(text.get_text()))
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        """What a notebook shows, whether or not pyplot and its backend for notebooks are loaded."""
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=SCREEN_DPI)
        return content.getvalue()


def plain(text: str) -> str:
    """The text as a figure draws it. A letter that no installed font has becomes its code, as U+4E2D.

    Control characters other than line breaks, and bytes of names that are not UTF-8, become codes, as \\x1b and %E9.
    A text that this function has returned is returned as it is.
    """
    text = visible(readable(text), keep="\n")
    if text.isascii():
        return text
    parts, before = "", ""
    for letter in text:
        has_font = letter == "\n" or font_of(letter) is not None
        if not has_font:
            _name_missing_package(_package(letter))
        drawn = letter if has_font else f"U+{ord(letter):04X}"
        # A code is separated from the letters around it, so that it can be read.
        touching = before.strip() and letter.strip()
        parts += " " + drawn if touching and (not has_font or len(before) > 1) else drawn
        before = drawn
    return parts


def families(text: str) -> list[str]:
    """The font families that have the letters of the text, FONT first."""
    others = () if text.isascii() else (font_of(letter) for letter in text if letter != "\n")
    return list(dict.fromkeys([FONT, *(family for family in others if family is not None)]))


@functools.cache
def font_of(letter: str) -> str | None:
    """The font family in which a letter is drawn: FONT if it has the letter; None where no installed font has it."""
    code = ord(letter)
    if code in _codes(FONT):
        return FONT
    return next((family for family in installed_families() if code in _codes(family)), None)


@functools.cache
def installed_families() -> tuple[str, ...]:
    """The font families of this machine besides those of matplotlib, in the order in which they are tried.

    Fonts are searched again, because matplotlib remembers those that were there when it was first used.
    """
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    for file in sorted(font_manager.findSystemFonts()):
        if file not in known:
            try:
                font_manager.fontManager.addfont(file)
            except Exception:  # a damaged font raises an error of FreeType; matplotlib passes over it, too
                _logger.debug("the font %s cannot be read", file)
    bundled = Path(matplotlib.get_data_path())
    names = {
        entry.name
        for entry in font_manager.fontManager.ttflist
        if (entry.style, entry.weight, entry.stretch) == ("normal", 400, "normal")
        and bundled not in Path(entry.fname).parents
    }
    return tuple(sorted(names, key=lambda name: (*(name != preferred for preferred in PREFERRED), name)))


@functools.cache
def _codes(family: str) -> frozenset[int]:
    """The code points that a font family has; none where its letters are pictures of a fixed size."""
    try:
        font = font_manager.get_font(font_manager.findfont(FontProperties(family=family), fallback_to_default=False))
    except (OSError, RuntimeError, ValueError):  # the font was removed, or is damaged
        return frozenset()
    return frozenset(font.get_charmap()) if font.scalable else frozenset()


def _package(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return next((package for package, names in PACKAGES.items() if name.startswith(names)), OTHER_PACKAGE)


@functools.cache
def _name_missing_package(package: str) -> None:
    """Say once per package that letters are missing."""
    letters = "Chinese, Japanese or Korean letters" if package in PACKAGES else "letters"
    _logger.warning(
        "names have %s that no installed font has, so the figure shows their codes, such as U+4E2D; to fix this, "
        "install such a font, on Debian and Ubuntu by `apt install %s`.",
        letters,
        package,
    )


def _make_tick_labels_plain(axis: Axis) -> None:
    """Make tick labels that were given as texts plain, and write powers of ten as numbers, not as mathematics."""
    if isinstance(axis.get_major_formatter(), LogFormatterMathtext):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    labels = [label.get_text() for label in axis.get_majorticklabels()]
    drawn = [plain(label) for label in labels]
    if drawn != labels:
        axis.set_ticks(axis.get_majorticklocs(), drawn)


def letters(text: str) -> int:
    """The width of the text in letters; Chinese, Japanese and Korean letters are as wide as two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in plain(text))


def lines(text: str, most: int) -> list[str]:
    """The text in lines of at most `most` letters. Words are not broken.

    Lines end at spaces. Where a word is longer than a line, they also end after a hyphen, underscore, dot or the like
    and beside Chinese, Japanese and Korean letters. What is still longer is shortened in its middle.
    """
    result = []
    for paragraph in plain(text).split("\n"):
        line = ""
        for gap, piece in _pieces(paragraph, most):
            if line and letters(line + gap + piece) > most:
                result.append(line)
                line = piece
            else:
                line += gap + piece if line else piece
        result.append(line)
    return result


def shortened(text: str, most: int) -> str:
    """The text in at most `most` >= 3 letters: both of its ends, with … between them where it is longer."""
    text = plain(text)
    if letters(text) <= most:
        return text
    start, end = "", ""
    for first, last in zip(text, reversed(text), strict=True):
        if letters(start + first + end) + 1 > most:
            break
        start += first
        if letters(start + last + end) + 1 > most:
            break
        end = last + end
    return f"{start}…{end}"


def _pieces(paragraph: str, most: int) -> Iterator[tuple[str, str]]:
    """The pieces after which a line may end, each with what stands before it in the paragraph: a space or nothing."""
    for word in paragraph.split():
        parts = [word]
        if letters(word) > most:
            parts = [part for joint in _JOINTS.split(word) for part in _around_wide_letters(joint)]
        for place, part in enumerate(parts):
            yield "" if place else " ", shortened(part, most)


def _around_wide_letters(word: str) -> list[str]:
    """The word split beside each letter that is as wide as two."""
    parts: list[str] = []
    for letter in word:
        wide = letters(letter) == 2
        if parts and not wide and letters(parts[-1][-1]) == 1:
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts
