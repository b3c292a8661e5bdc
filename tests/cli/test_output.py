"""What goes to stdout and what to stderr."""

import io
import json
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from ugbench.cli.output import format_rows, log, print_json, print_rows, progress_callback


class Point(BaseModel):
    x: int


def test_json_holds_paths_and_models_and_any_script(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"path": Path("a/b"), "point": Point(x=1), "name": "ü", "none": None})
    out = capsys.readouterr().out
    assert json.loads(out) == {"path": "a/b", "point": {"x": 1}, "name": "ü", "none": None}
    assert "ü" in out


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_cannot_say(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"value": value})


def test_json_refuses_objects_without_a_form() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        print_json(object())


def test_rows_are_aligned_and_never_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    print_rows(("name", "n", "note"), [("a" * 30, 5, None), ("b", 1234, "x y")])
    assert capsys.readouterr().out.splitlines() == [
        "name" + " " * 26 + "     n  note",
        "a" * 30 + "     5  -",
        "b" + " " * 29 + "  1234  x y",
    ]


def test_rows_without_a_heading_have_no_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("", ""), [("step", "3 s")])
    assert capsys.readouterr().out == "step  3 s\n"


def test_what_is_logged_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    log("hello")
    assert capsys.readouterr() == ("", "hello\n")


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_callback("rendering") as progress:
        progress(1, 2)
        print("{}")
    assert capsys.readouterr() == ("{}\n", "")


def test_progress_on_a_terminal_leaves_stdout_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_callback("rendering") as progress:
        progress(1, 2)
        print("{}")
        progress(2, 2)
    assert capsys.readouterr().out == "{}\n"
    assert "rendering" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()


def test_true_and_false_are_printed_as_options_take_them() -> None:
    assert format_rows(("", ""), [("light", True), ("checkpoint_activations", False)]).split() == [
        *("light", "true"),
        *("checkpoint_activations", "false"),
    ]
