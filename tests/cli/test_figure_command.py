"""`ugbench figure`: names of images, and letters that no installed font has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commands import call
from PIL import Image


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data set whose images and folder have names of difficult letters, with another tool's outputs."""
    for folder in ("风景 $x_1/testA", "风景 $x_1/testB", "made"):
        for name in ("湖_$1$", "100%^2"):
            file = tmp_path / folder / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 32), (90, 90, 90)).save(file)
    words = ["import", tmp_path / "made", "--as", "external", "--name", "mine", "--direction", "A2B"]
    call(*words, "--dataset", tmp_path / "风景 $x_1", "--results", tmp_path / "results")
    return tmp_path


def test_names_of_images_are_drawn_where_they_are_asked_for(home: Path) -> None:
    widths = []
    for more in ((), ("--names",)):
        call("figure", "comparison", "--results", home / "results", "--output", home / "x.png", *more)
        with Image.open(home / "x.png") as image:
            widths.append(image.width)
    assert widths[1] - widths[0] == pytest.approx(0.12 * 300, abs=2)


def test_one_line_on_stderr_names_the_package_of_letters_that_no_font_has(
    home: Path, install_fonts: Callable[..., None]
) -> None:
    install_fonts()
    words = ["figure", "comparison", "--results", home / "results", "--output"]
    assert call(*words, home / "x.png").stderr == f"written to {home}/x.png\n"
    first, last = call(*words, home / "x.pdf", "--names").stderr.splitlines()
    assert "Chinese, Japanese or Korean letters that no installed font has" in first
    assert "`apt install fonts-noto-cjk`" in first and last == f"written to {home}/x.pdf"
