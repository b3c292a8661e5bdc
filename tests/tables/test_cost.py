"""Parameters, FLOPs a step and hours stand beside the scores of runs that are here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ugbench import registry
from ugbench.errors import UnknownName
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import Table, build_table, to_json
from ugbench.tables.columns.cost import add_about, short
from ugbench.tables.formats import render
from ugbench.training.counts import count

Make = Callable[..., ScoreRecord]
ALL = ("parameters", "flops", "hours")


def make_run(results: Path, seed: int, seconds: float | None = None, method: str = "cyclegan") -> Run:
    """A run of 32 px and 10 steps; `seconds` a step in its log."""
    config = registry.load_method("cyclegan").make_config("smoke", overrides={"size": 32, "steps": 10})
    data = DatasetRecord(name="dial", root="/d", fingerprint="f", images={"trainA": 2})
    made = RunConfig(
        method=method,
        variant=None,
        preset="smoke",
        config=config.model_dump(mode="json"),
        dataset=data,
        direction=None,
        seed=seed,
        precision="fp32",
    )
    run = open_run(results / "dial", made)
    if seconds is not None:
        lines = [json.dumps({"step": step, "seconds_per_step": seconds}) for step in (4, 10)]
        (run.path / "timing.jsonl").write_text("\n".join(lines) + "\n")
    return run


@pytest.fixture
def table(tmp_path: Path, make_record: Make) -> Table:
    runs = [make_run(tmp_path, 0, 720.0), make_run(tmp_path, 1, 1440.0)]
    records = [make_record("kid", "cyclegan", 0.1, run=run.id, seed=seed) for seed, run in enumerate(runs)]
    return build_table([make_record("kid", "identity", 0.5), *records, make_record("kid", "cut", 0.2)])


def test_a_row_has_them_where_its_runs_are_here_and_nothing_else_has(table: Table, tmp_path: Path) -> None:
    config = registry.load_method("cyclegan").make_config("smoke", overrides={"size": 32, "steps": 10})
    counts = count("cyclegan", config)
    rows = {row["method"]: row["about"] for row in to_json(add_about(table, ALL, tmp_path))["rows"]}
    assert rows["cyclegan"]["parameters"] == sum(counts.parameters.values())
    assert rows["cyclegan"]["flops_per_step"] == counts.flops_per_step
    assert rows["cyclegan"]["hours"] == pytest.approx(3.0)  # the mean of 2 and 4
    assert rows["cut"] == rows["identity"] == {"parameters": None, "flops_per_step": None, "hours": None}


def test_columns_come_in_the_order_asked_for(table: Table, tmp_path: Path) -> None:
    built = add_about(table, ["hours", "parameters"], tmp_path)
    assert "| method | seeds | KID x100 ↓ | hours | parameters |" in render.md(built)
    assert "| cyclegan | 2 | **10.00** | 3 | 747 k |" in render.md(built)
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(render.csv(built)))}
    assert float(rows["cyclegan"]["hours"]) == pytest.approx(3.0)
    assert rows["cut"]["hours"] == ""
    assert any(note.startswith("hours: of one training") for note in built.notes)
    assert not any(note.startswith("FLOPs/step") for note in built.notes)


def test_a_method_that_is_not_installed_is_not_counted_and_the_caption_says_why(
    tmp_path: Path, make_record: Make
) -> None:
    run = make_run(tmp_path, 0, 360.0, method="gone")
    built = add_about(build_table([make_record("kid", "gone", 0.1, run=run.id)]), ALL, tmp_path)
    assert to_json(built)["rows"][0]["about"] == {"parameters": None, "flops_per_step": None, "hours": 1.0}
    assert any(note.startswith("Not counted: no method is called 'gone'") for note in built.notes)


def test_numbers_have_three_digits_and_a_prefix() -> None:
    numbers = (670_761_088, 2_147_043_162_112, 747_496, 12)
    assert [short(number) for number in numbers] == ["671 M", "2.15 T", "747 k", "12"]


def test_an_unknown_column_is_answered_with_a_near_one(table: Table, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'hours'"):
        add_about(table, ["hour"], tmp_path)


def test_without_columns_the_table_stays_as_it_is(table: Table, tmp_path: Path) -> None:
    assert add_about(table, [], tmp_path) is table
