"""docs/python.md is a program: its blocks run one after another, and print what the page shows."""

import contextlib
import io
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"-?\d+\.\d+")


def words(text: str) -> list[str]:
    return NUMBER.sub("number", text).split()


def numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


def test_each_block_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 8
    names: dict[str, object] = {}
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(PAGE), "exec"), names)
        assert words(printed.getvalue()) == words(shown)
        # Four steps of training amplify the rounding in which processors differ.
        assert numbers(printed.getvalue()) == pytest.approx(numbers(shown), rel=0.1, abs=0.01)
    assert {"translated.png", "table.html", "losses.pdf"} <= {file.name for file in tmp_path.iterdir()}
