"""Parameters, FLOPs per step and hours stand beside the scores of runs that are here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ugbench import registry
from ugbench.errors import RunError, UnknownName
from ugbench.runs.method_description import MethodDescription
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.cost import add_cost, short
from ugbench.tables.columns.run_columns import add_run_columns
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import Table
from ugbench.training.counts import count

Make = Callable[..., ScoreRecord]
ALL = ("parameters", "flops", "seconds", "hours")


def count_missing(run: Run) -> MethodDescription:
    """Counts of a run that has stored none."""
    return count(run.config.method, run.config.method_config())


def make_run(
    results: Path, seed: int, seconds: float | None = None, method: str = "cyclegan", batch_size: int = 4
) -> Run:
    """A run of 32 px and 10 steps; `seconds` per step in its log. It has stored no counts."""
    overrides = {"size": 32, "steps": 10, "batch_size": batch_size}
    config = registry.load_method("cyclegan").make_config("smoke", overrides=overrides)
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
    rows = {row["method"]: row["about"] for row in to_json(add_cost(table, ALL, tmp_path, count_missing))["rows"]}
    assert rows["cyclegan"]["parameters"] == sum(counts.parameters.values())
    assert rows["cyclegan"]["flops_per_step"] == counts.flops_per_step
    assert rows["cyclegan"]["seconds_per_step"] == pytest.approx(1080.0)  # the mean of 720 and 1440
    assert rows["cyclegan"]["hours"] == pytest.approx(3.0)  # the mean of 2 and 4
    keys = ("parameters", "flops_per_step", "seconds_per_step", "hours")
    assert rows["cut"] == rows["identity"] == dict.fromkeys(keys)


def test_columns_come_in_the_order_asked_for(table: Table, tmp_path: Path) -> None:
    built = add_cost(table, ["hours", "parameters"], tmp_path, count_missing)
    assert "| method | seeds | KID x100 ↓ | hours | parameters |" in render(built, "md")
    assert "| cyclegan | 2 | **10.00** | 3 | 747 k |" in render(built, "md")
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(render(built, "csv")))}
    assert float(rows["cyclegan"]["hours"]) == pytest.approx(3.0)
    assert rows["cut"]["hours"] == ""
    assert any(note.startswith("hours: of one training") for note in built.notes)
    assert not any(note.startswith("FLOPs/step") for note in built.notes)


def test_a_method_that_is_not_installed_is_not_counted_and_the_caption_says_why(
    tmp_path: Path, make_record: Make
) -> None:
    run = make_run(tmp_path, 0, 360.0, method="gone")
    built = add_cost(build_table([make_record("kid", "gone", 0.1, run=run.id)]), ALL, tmp_path, count_missing)
    about = to_json(built)["rows"][0]["about"]
    assert about == {"parameters": None, "flops_per_step": None, "seconds_per_step": 360.0, "hours": 1.0}
    assert any(note.startswith("Not counted: no method is called 'gone'") for note in built.notes)


def test_what_a_run_has_stored_is_shown_and_not_counted_again(tmp_path: Path, make_record: Make) -> None:
    runs = [make_run(tmp_path, 0, method="gone"), make_run(tmp_path, 1, method="gone")]
    for run in runs:
        description = {
            "title": "Gone",
            "directions": ["A2B"],
            "parameters": {"generator": 3, "discriminator": 4},
            "flops_per_step": 500,
        }
        (run.path / "method.json").write_text(json.dumps(description))
    table = build_table([make_record("kid", "gone", 0.1, run=run.id, seed=seed) for seed, run in enumerate(runs)])

    def refuse(run: Run) -> MethodDescription:
        raise AssertionError(f"run {run.id} has stored its counts")

    built = add_cost(table, ("parameters", "flops"), tmp_path, refuse)
    assert to_json(built)["rows"][0]["about"] == {"parameters": 7, "flops_per_step": 500}
    assert not any(note.startswith("Not counted") for note in built.notes)


def test_runs_of_one_config_are_counted_once_and_different_counts_leave_the_cell_empty(
    tmp_path: Path, make_record: Make
) -> None:
    runs = [make_run(tmp_path, 0), make_run(tmp_path, 1), make_run(tmp_path, 2, batch_size=2)]
    table = build_table([make_record("kid", "cyclegan", 0.1, run=run.id, seed=seed) for seed, run in enumerate(runs)])
    counted = []

    def count_flops(run: Run) -> MethodDescription:
        counted.append(run.id)
        flops = 100 * run.config.config["batch_size"]
        return MethodDescription(title="", directions=("A2B",), parameters={"g": 7}, flops_per_step=flops)

    built = add_cost(table, ("parameters", "flops"), tmp_path, count_flops)
    assert counted == [runs[0].id, runs[2].id]
    assert to_json(built)["rows"][0]["about"] == {"parameters": 7, "flops_per_step": None}


def test_hours_count_each_line_for_the_steps_since_the_line_before(tmp_path: Path, make_record: Make) -> None:
    run = make_run(tmp_path, 0)
    file = run.path / "timing.jsonl"
    table = build_table([make_record("kid", "cyclegan", 0.1, run=run.id)])

    def hours() -> float | None:
        (row,) = add_cost(table, ["hours"], tmp_path, count_missing).rows
        return row.extra["hours"].numbers[0]

    file.write_text('{"step": 10, "seconds_per_step": 36}\n{"step": 30, "seconds_per_step": 72}\n{"step": 40, "sec')
    assert hours() == pytest.approx((10 * 36 + 20 * 72) / 3600)
    file.write_text("")
    assert hours() is None
    file.write_text('{"step": 10}\n')
    with pytest.raises(RunError, match=r"timing.jsonl, line 1 "):
        hours()


def test_seconds_are_the_median_of_a_run_so_that_its_slow_first_steps_do_not_count(
    tmp_path: Path, make_record: Make
) -> None:
    run = make_run(tmp_path, 0)
    lines = [{"step": step, "seconds_per_step": seconds} for step, seconds in ((1, 50.0), (2, 3.0), (3, 2.0))]
    (run.path / "timing.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = build_table([make_record("kid", "cyclegan", 0.1, run=run.id), make_record("kid", "cut", 0.2)])
    built = add_cost(table, ["seconds"], tmp_path, count_missing)
    assert [row.extra["seconds_per_step"].numbers[0] for row in built.rows] == [None, 3.0]
    assert "| cyclegan | 10.00 | 3 |" in render(built, "md").replace("**", "")


def test_numbers_have_three_digits_and_a_prefix() -> None:
    numbers = (670_761_088, 2_147_043_162_112, 747_496, 12)
    assert [short(number) for number in numbers] == ["671 M", "2.15 T", "747 k", "12"]


def test_an_unknown_column_is_answered_with_a_near_one(table: Table, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'hours'"):
        add_run_columns(table, ["hour"], tmp_path, count_missing)


def test_without_columns_the_table_stays_as_it_is(table: Table, tmp_path: Path) -> None:
    assert add_run_columns(table, [], tmp_path, count_missing) is table
