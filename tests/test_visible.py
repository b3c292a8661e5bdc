"""Control characters in text from others."""

from __future__ import annotations

import json

import pytest

from ugbench.visible import visible, visible_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\x9bb", r"a\x9bb"),
        ("a\x7f\x00b", r"a\x7f\x00b"),
        ("a\nb\tc\r", r"a\x0ab\x09c\x0d"),
        ("a\u202eb\u2066c\u200f\u2028", r"a\u202eb\u2066c\u200f\u2028"),
        ("Bäume und 猫 🐈\u200d⬛", "Bäume und 猫 🐈\u200d⬛"),
        ("not utf-8: \udcff", "not utf-8: \udcff"),
    ],
)
def test_controls_are_shown_and_letters_stay(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_a_caller_keeps_line_breaks() -> None:
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def test_json_means_the_same_and_holds_no_controls() -> None:
    content = {"a\x9b": "b\u202e\x7f\x1b\n"}
    text = visible_json(json.dumps(content, ensure_ascii=False, indent=2))
    assert json.loads(text) == content
    assert not set(text) & set("\x9b\u202e\x7f\x1b")
