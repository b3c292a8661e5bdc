"""The method on docs/add-a-method.md, brought by another distribution, trains, resumes, scores and is tabled."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ugbench import registry
from ugbench.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "add-a-method.md"
NAME = "colour_mixer"


def block(language: str) -> str:
    """The one block of the page in this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's file and entry point, as pip would lay them on sys.path."""
    project = tomllib.loads(block("toml"))["project"]
    site = tmp_path / "site-packages"
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (site / f"{NAME}.py").write_text(block("python"), encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    ((group, entries),) = project["entry-points"].items()
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    monkeypatch.syspath_prepend(site)
    registry.modules.cache_clear()
    yield
    registry.modules.cache_clear()
    sys.modules.pop(NAME, None)


def call(*words: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == code, result.stderr
    return json.loads(result.stdout) if "--json" in words else None


def test_the_method_fits_on_less_than_sixty_lines_and_is_unknown_without_its_package() -> None:
    assert len(block("python").splitlines()) < 60
    assert NAME not in registry.modules("methods")


@pytest.mark.usefixtures("installed")
def test_it_trains_goes_on_translates_and_beats_doing_nothing(tmp_path: Path) -> None:
    where = ["--results", tmp_path / "results", "--data-root", tmp_path / "data", "--device", "cpu"]
    words = ["--dataset", "dial:shape=0,texture=1,size=32,train=16,test=8", "--preset", "smoke", *where]
    run = call("train", NAME, *words, "--json")
    assert (run["status"], run["step"]) == ("done", 100)
    again = call("train", NAME, *words, "--json")
    assert (again["id"], again["resumed_from"]) == (run["id"], 100)
    first = json.loads((Path(run["run"]) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert {"mixers/mean_a2b", "mixers/std_b2a", "mixers/cycle_a2b", "lr/mixers"} <= set(first)
    records = call("eval", "--metric", "changed", *where, "--json")
    assert [(one["method"], one["direction"]) for one in records] == [(NAME, "A2B"), (NAME, "B2A")]
    # Colours are part of what changes on this dial; strokes cannot be drawn by mixing colours.
    assert all(0.4 < one["value"] < 1 for one in records)
    variants = call("variants", NAME, "--json")
    assert [one["variant"] for one in variants] == [None, "no-cycle"]
