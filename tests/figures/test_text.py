"""Text of figures: drawn as it is, in fonts that have its letters, or as codes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_fonts import FAMILY
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from ugbench.figures import _style, _text, comparison, losses, rho, rho_layers, scores
from ugbench.figures._context import FigureContext, save
from ugbench.runs.run import Run
from ugbench.scoring import record

Make = Callable[..., Run]
NAME = r"$x_1^2$ \frac{1 50% 中文한"
CODES = r"$x_1^2$ \frac{1 50% U+4E2D U+6587 U+D55C"


@pytest.fixture
def figures(
    make_run: Make, log: Make, translate: Make, make_record: Any, make_photos: Any, tmp_path: Path
) -> Callable[[], dict[str, Figure]]:
    """Figures of runs whose settings, loss terms, layers, images and data set have a name of difficult letters."""
    root = make_photos(tmp_path / "data" / "names", [NAME, "plain"])
    layers = {f"rho/g_{NAME}.{NAME}.{layer}": [0.0, 0.5] for layer in (NAME, "up")}
    runs = []
    for note in (NAME, "b"):
        run = translate(make_run("ugatit", name=NAME, root=root, note=note), 50)
        log(run, {f"g_{NAME}/{NAME}": [1000.0, 1.0], **layers})
        fields = {"run": run.id, "dataset": NAME}
        made = [make_record("kid", "ugatit", 0.1, step=step, **fields) for step in (50, 100)]
        record.append(run.scores_file, made)
        runs.append(run)
    context = FigureContext(tmp_path / "results", runs, names=True)
    return lambda: {module.__name__: module.draw(context) for module in (comparison, losses, rho, rho_layers, scores)}


def drawn(figure: Figure) -> list[str]:
    """All texts of the figure once it is drawn; a letter without a font is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert not any(text.get_parse_math() or text.get_usetex() for text in texts)
    return [text.get_text() for text in texts]


def test_names_are_no_mathematics_and_letters_without_a_font_are_codes_in_every_figure(
    figures: Callable[[], dict[str, Figure]], install_fonts: Callable[..., None], tmp_path: Path
) -> None:
    install_fonts()
    for name, figure in figures().items():
        joined = " ".join(" ".join(drawn(figure)).split())
        assert "$x_1^2$" in joined and r"\frac{1" in joined and "50%" in joined, name
        assert "U+4E2D" in joined and "中" not in joined, name
        assert r"\math" not in joined, name
        save(figure, tmp_path / "figure.pdf")


def test_letters_are_drawn_in_an_installed_font_that_has_them(
    figures: Callable[[], dict[str, Figure]], install_fonts: Callable[..., None], font: Path, tmp_path: Path
) -> None:
    install_fonts(font)
    assert _text.families(NAME) == [_text.FONT, FAMILY]
    assert _text.plain(NAME) == NAME
    for name, figure in figures().items():
        joined = "".join(drawn(figure))
        assert "中" in joined and "U+" not in joined, name
        save(figure, tmp_path / "figure.pdf")
        assert b"TestSans" in (tmp_path / "figure.pdf").read_bytes(), name


def test_a_font_that_was_installed_after_matplotlibs_first_use_is_found(
    install_fonts: Callable[..., None], font: Path
) -> None:
    install_fonts()
    assert _text.font_of("中") is None
    install_fonts(font)
    assert FAMILY not in {entry.name for entry in font_manager.fontManager.ttflist}
    assert _text.font_of("中") == FAMILY and _text.font_of("人") is None and _text.font_of("é") == _text.FONT


def test_a_damaged_font_is_passed_over(install_fonts: Callable[..., None], font: Path, tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_bytes(b"no font")
    install_fonts(tmp_path / "a.ttf", font)
    assert _text.font_of("中") == FAMILY


def test_one_line_names_the_package_that_has_the_letters(
    install_fonts: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    install_fonts()
    for text in ("plain", "中", "日本 の", "한"):
        _text.plain(text)
    (line,) = caplog.messages
    assert "Chinese, Japanese or Korean letters" in line and "`apt install fonts-noto-cjk`" in line
    _text.plain("ไทย")
    assert len(caplog.messages) == 2 and "fonts-noto-core" in caplog.messages[1]


def test_codes_are_separated_and_stay_as_they_are(install_fonts: Callable[..., None]) -> None:
    install_fonts()
    assert _text.plain(NAME) == CODES
    for text, expected in (("a中b", "a U+4E2D b"), ("a 中 b", "a U+4E2D b"), ("中\nb", "U+4E2D\nb")):
        assert _text.plain(text) == expected and _text.plain(expected) == expected
    assert _text.plain("a\tb\udce9\x1b") == r"a\x09b%E9\x1b"


def test_lines_break_at_spaces_then_at_joints_and_never_inside_a_word(
    install_fonts: Callable[..., None], font: Path
) -> None:
    assert _text.lines("attention of ugatit-no-cam", 12) == ["attention of", "ugatit-no-", "cam"]
    assert _text.lines("ugatit-no-cam", 13) == ["ugatit-no-cam"]
    assert _text.lines("a\nb c", 9) == ["a", "b c"]
    assert _text.lines("horse2zebrahorse2zebra x", 9) == ["hors…ebra", "x"]
    install_fonts(font)
    assert _text.lines("中文한中", 5) == ["中文", "한中"]
    assert _text.letters("a中") == 3


def test_long_names_keep_both_ends() -> None:
    assert _text.shortened("20240131_holiday_0001", 9) == "2024…0001"
    assert _text.shortened("2024", 4) == "2024"
    assert _text.shortened("12345", 4) == "12…5"


def test_ticks_that_are_made_when_the_figure_is_drawn_have_the_same_letters(install_fonts: Callable[..., None]) -> None:
    install_fonts()
    with _style.settings():
        figure = _style.blank(2, 1)
        axes = figure.add_subplot()
        axes.set_xticks([0, 1], ["中", "$b$"])
        axes.set_yscale("log")
        axes.set_ylim(0.01, 100)
    assert {"U+4E2D", "$b$", "0.01", "1", "100"} <= set(drawn(figure))
