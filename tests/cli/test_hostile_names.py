"""Names that would clear a terminal, be read as a formula, or be taken for markup."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import call, call_json
from report_pages import page_text

from ugbench.runs.run import list_runs
from ugbench.scoring import record
from ugbench.tables.build import build_table
from ugbench.tables.formats import FORMATS, render

ESCAPE = "cut\x1b[2J\x9b31m\u202etxt"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
Make = Callable[..., record.ScoreRecord]


@pytest.fixture
def scored(tmp_path: Path, make_record: Make) -> Callable[..., Path]:
    """scored(method, dataset): a results folder with two scores, one of a method of this name."""

    def make(method: str, dataset: str = "dial", metric: str = "kid") -> Path:
        records = [make_record(metric, name, 0.5, 0.1, dataset=dataset) for name in (method, "unit")]
        record.append(tmp_path / "results" / "d" / "m" / "r" / "scores.jsonl", records)
        return tmp_path / "results"

    return make


@pytest.mark.parametrize("format_", FORMATS)
def test_no_format_of_a_table_prints_control_characters(scored: Callable[..., Path], format_: str) -> None:
    results = scored(ESCAPE, ESCAPE, ESCAPE)
    text = call("table", "--results", results, "--format", format_).stdout
    assert not CONTROLS.search(text)
    assert "x1b" in text or "u001b" in text


def test_a_terminal_gets_only_the_codes_of_the_table_itself(make_record: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    text = render(build_table([make_record("kid", ESCAPE, 0.5), make_record("kid", "unit", 0.6)]), "terminal")
    assert set(re.findall(r"\x1b\[[0-9;]*[a-zA-Z]", text)) <= {"\x1b[0m", "\x1b[1m", "\x1b[2m"}
    assert r"cut\x1b[2J" in text


def test_json_keeps_names_as_they_are(scored: Callable[..., Path]) -> None:
    assert call_json("table", "--results", scored(ESCAPE))["rows"][0]["method"] == ESCAPE


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x","y")', "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", " =1", "\t=1"])
def test_a_name_is_no_formula_in_csv(scored: Callable[..., Path], name: str) -> None:
    text = call("table", "--results", scored(name, name, name), "--format", "csv").stdout
    heads, first, *_ = csv.reader(io.StringIO(text))
    for cell in (*heads, *first[:4]):
        assert not cell.strip().startswith(("=", "+", "-", "@")), cell
    assert first[0].startswith("'") and name.strip() in first[0]
    assert float(first[5]) == 0.5


def test_negative_numbers_stay_numbers_in_csv(make_record: Make) -> None:
    text = render(build_table([make_record("kid", "cut", -0.25, 0.1)]), "csv")
    assert list(csv.reader(io.StringIO(text)))[1][5] == "-0.25"


@pytest.mark.parametrize("name", ["[red]cut[/red]", "[/]", "$\\frac$", "<b>&", "a|b", "\\input{x}"])
def test_markup_in_names_is_text_in_every_format(make_record: Make, name: str) -> None:
    table = build_table([make_record("kid", name, 0.5), make_record("kid", "unit", 0.6)])
    assert name in render(table, "terminal", plain=True)
    assert "<b>" not in render(table, "html") and "<b>" not in render(table, "md").replace("\\<b", "")
    assert "\\input" not in render(table, "latex") and "\\frac" not in render(table, "latex")
    assert "| a|b" not in render(table, "md")


def test_an_error_prints_no_control_characters(tmp_path: Path) -> None:
    result = call("table", "--results", tmp_path / "a\x1b[2Jb", code=2)
    assert not CONTROLS.search(result.stderr) and r"a\x1b[2Jb" in result.stderr


def imported(home: Path, command: str, name: str = "tool") -> tuple[str, str]:
    """The stored command of an import, and what was printed."""
    words = ["import", "--as", "external", "--name", name, "--dataset", home / "data", "--results", home / "results"]
    result = call(*words, "--command", command)
    (run,) = [run for run in list_runs(home / "results") if run.config.label == name]
    assert run.config.origin is not None and run.config.origin.command is not None
    return run.config.origin.command, result.stderr


def test_an_import_stores_no_secret_of_its_command(tmp_path: Path, make_voting_home: Callable[..., Path]) -> None:
    home = make_voting_home(tmp_path, zebrafish=1)
    copy = "sh -c 'cp {input}/* {output}' --token hunter2"
    command, printed = imported(home, f"env API_KEY=hunter2 {copy}")
    assert command == "env API_KEY=[redacted] sh -c 'cp {input}/* {output}' --token [redacted]"
    assert "warning: parts of --command look like keys or passwords" in printed and "hunter2" not in printed
    again, _ = imported(home, f"env API_KEY=hunter2 {copy}")
    assert again == command and len(list_runs(home / "results")) == 2
    plain, printed = imported(home, "cp -r {input}/. {output}", "plain")
    assert plain == "cp -r {input}/. {output}" and "warning" not in printed


def test_no_secret_of_a_command_that_an_older_version_stored_is_shown(
    tmp_path: Path, make_voting_home: Callable[..., Path]
) -> None:
    home = make_voting_home(tmp_path, zebrafish=1)
    (run,) = list_runs(home / "results")
    fields = json.loads((run.path / "config.json").read_text())
    fields["origin"]["command"] = "env API_KEY=hunter2 tool {input} {output}"
    (run.path / "config.json").write_text(json.dumps(fields))
    page = page_text(home / "results", tmp_path)
    assert "hunter2" not in page and "API_KEY=[redacted] tool" in page
    shown = call_json("runs", "show", run.path, "--results", home / "results")
    assert shown["config"]["origin"]["command"] == "env API_KEY=[redacted] tool {input} {output}"
