"""The method on docs/add-a-method.md, brought by another distribution, trains, resumes, scores and is tabled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import call_json

from ugbench import registry

PAGE = "add-a-method.md"
NAME = "colour_mixer"


@pytest.fixture
def installed(install: Callable[[str, str], None]) -> None:
    install(PAGE, NAME)


def test_the_method_fits_on_less_than_sixty_lines_and_is_unknown_without_its_package(
    block: Callable[[str, str], str],
) -> None:
    assert len(block(PAGE, "python").splitlines()) < 60
    assert NAME not in registry.modules("methods")


@pytest.mark.usefixtures("installed")
def test_it_trains_goes_on_translates_and_beats_doing_nothing(tmp_path: Path) -> None:
    where = ["--results", tmp_path / "results", "--data-root", tmp_path / "data", "--device", "cpu"]
    words = ["--dataset", "dial:shape=0,texture=1,size=32,train=16,test=8", "--preset", "smoke", *where]
    run = call_json("train", NAME, *words)
    assert (run["status"], run["step"]) == ("done", 100)
    again = call_json("train", NAME, *words)
    assert (again["id"], again["resumed_from"]) == (run["id"], 100)
    first = json.loads((Path(run["run"]) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert {"mixers/mean_a2b", "mixers/std_b2a", "mixers/cycle_a2b", "lr/mixers"} <= set(first)
    records = call_json("eval", "--metric", "changed", *where)
    assert [(one["method"], one["direction"]) for one in records] == [(NAME, "A2B"), (NAME, "B2A")]
    # Colours are part of what changes on this dial; strokes cannot be drawn by mixing colours.
    assert all(0.4 < one["value"] < 1 for one in records)
    variants = call_json("variants", NAME)
    assert [one["variant"] for one in variants] == [None, "no-cycle"]


@pytest.mark.usefixtures("installed")
def test_it_keeps_every_rule() -> None:
    outcomes = call_json("check-method", NAME)
    assert [outcome for outcome in outcomes if outcome["status"] == "failed"] == []
    page = (Path(__file__).parents[2] / "docs" / PAGE).read_text(encoding="utf-8")
    shown = [re.sub(r"( \[.*)?: .*", "", line[9:]) for line in page.splitlines() if re.match(r"ok  |failed  ", line)]
    assert shown == [outcome["title"] for outcome in outcomes if outcome["title"] in shown]
    assert f"of {len(outcomes)} rules" in page


def test_the_parts_of_methods_on_the_page_are_parts_of_methods_that_are_tested() -> None:
    tests = Path(__file__).parents[1]
    files = [*(tests / "third_party").glob("*/*.py"), tests / "support" / "toy_folders.py"]
    files += [tests.parent / "baselines" / "unit.py", tests.parent / "ugbench" / "nn" / "image_pool.py"]
    sources = [lines_of(file.read_text(encoding="utf-8")) for file in files]
    text = (tests.parent / "docs" / PAGE).read_text(encoding="utf-8")
    _, *parts = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(parts) == 14
    assert [part for part in parts if not any(lines_of(part) in source for source in sources)] == []


def lines_of(code: str) -> str:
    """The code without indents and empty lines."""
    return "".join(f"{line.strip()}\n" for line in code.splitlines() if line.strip())
