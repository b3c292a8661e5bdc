"""Rows of a table where a method has several configurations: nothing is averaged over them, in any format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_json, invoke

from ugbench.runs.configurations import configurations
from ugbench.runs.run import Run, open_run
from ugbench.scoring import record as score_record
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.ranking import add_rankings
from ugbench.tables.formats import FORMATS, render
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import Table

MakeRun = Callable[..., Run]
MakeRecord = Callable[..., ScoreRecord]
LABELS = ("U-GAT-IT (steps 30)", "U-GAT-IT (steps 120)")


@pytest.fixture
def results(make_run: MakeRun, make_record: MakeRecord) -> Path:
    """Seeds 0 and 1 of 30 steps, seed 0 of 120 steps, one cyclegan, and the reference row identity."""
    runs = [make_run("ugatit", seed=seed, steps=30) for seed in (0, 1)]
    runs += [make_run("ugatit", steps=120), make_run("cyclegan", steps=30)]
    for run, value in zip(runs, (0.3, 0.5, 0.1, 0.2), strict=True):
        config = run.config
        fields: dict[str, Any] = {"run": run.id, "seed": config.seed, "step": run.steps, "dataset": "photos"}
        score_record.append(run.scores_file, [make_record("kid", config.method, value, 0.01, **fields)])
    reference = make_record("kid", "identity", 0.9, run="identity", dataset="photos")
    score_record.append(runs[0].dataset_folder / "identity" / "scores.jsonl", [reference])
    return runs[0].results


def rows_of(results: Path, *words: str) -> dict[tuple[str, Any], Any]:
    rows = call_json("table", "--results", results, *words)["rows"]
    return {(row["method"], json.dumps(row["config"])): row["cells"]["kid"] for row in rows}


def test_seeds_are_averaged_within_a_configuration_only(results: Path) -> None:
    rows = rows_of(results)
    assert {key: (cell["value"], cell["n_seeds"]) for key, cell in rows.items()} == {
        ("identity", "{}"): (0.9, 1),
        ("ugatit", '{"steps": 30}'): (0.4, 2),
        ("ugatit", '{"steps": 120}'): (0.1, 1),
        ("cyclegan", "{}"): (0.2, 1),
    }


def test_rows_of_a_method_go_by_value_and_numbers_by_size(results: Path) -> None:
    rows = call_json("table", "--results", results)["rows"]
    assert [row["config"].get("steps") for row in rows if row["method"] == "ugatit"] == [30, 120]


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("json", "csv")])
def test_each_format_for_reading_has_both_labels(format: str, results: Path) -> None:
    printed = call("table", "--results", results, "--format", format).stdout
    assert all(printed.count(label) == 1 for label in LABELS)


def test_csv_has_a_column_of_what_differs(results: Path) -> None:
    printed = call("table", "--results", results, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert {(row["method"], row["config"]): row["kid_n_seeds"] for row in rows} == {
        ("identity", ""): "1",
        ("ugatit", "steps 30"): "2",
        ("ugatit", "steps 120"): "1",
        ("cyclegan", ""): "1",
    }


def test_where_chooses_a_configuration_and_keeps_the_reference_rows(results: Path) -> None:
    chosen = rows_of(results, "--where", "steps=30")
    assert {key: cell["value"] for key, cell in chosen.items()} == {
        ("identity", "{}"): 0.9,
        ("ugatit", "{}"): 0.4,
        ("cyclegan", "{}"): 0.2,
    }
    assert set(rows_of(results, "--where", "steps=120", "--where", "method=ugatit")) == {
        ("identity", "{}"),
        ("ugatit", "{}"),
    }


def test_where_refuses_an_unknown_field_and_a_value_that_no_run_has(results: Path) -> None:
    for words, message in (("stepps=30", "did you mean 'steps'"), ("steps=7", "no run has that; steps is ")):
        refused = invoke("table", "--results", results, "--where", words)
        assert refused.exit_code == 2 and message in refused.stderr


def test_the_caption_says_how_to_choose_and_names_no_run_as_hidden(results: Path) -> None:
    notes = call_json("table", "--results", results)["notes"]
    assert any("--where FIELD=VALUE chooses" in note for note in notes)
    assert not any("is shown, not" in note or "different steps" in note for note in notes)


def test_where_no_config_lies_beside_the_records_the_longest_training_counts(results: Path) -> None:
    for file in results.rglob("config.json"):
        file.unlink()
    assert rows_of(results)["ugatit", "{}"]["value"] == pytest.approx((0.1 + 0.5) / 2)
    notes = call_json("table", "--results", results)["notes"]
    assert any(note.startswith("ugatit, seed 0, on photos: 2 runs") for note in notes)


def test_a_run_without_config_is_never_averaged_with_one_that_has_it(results: Path) -> None:
    next(results.glob("photos/ugatit/seed1-*/config.json")).unlink()
    rows = rows_of(results)
    assert (rows["ugatit", "null"]["value"], rows["ugatit", '{"steps": 30}']["value"]) == (0.5, 0.3)
    assert "U-GAT-IT (config unknown)" in call("table", "--results", results).stdout


def test_a_config_that_cannot_be_read_costs_a_line_and_no_table(results: Path) -> None:
    file = next(results.glob("photos/cyclegan/*/config.json"))
    file.write_text("{", encoding="utf-8")
    printed = call("table", "--results", results)
    (line,) = printed.stderr.splitlines()
    assert line.startswith(f"left out: {file} is not a JSON object")
    assert "CycleGAN" in printed.stdout


def test_labels_are_the_same_in_all_blocks_so_that_methods_can_be_ranked(
    make_run: MakeRun, make_record: MakeRecord
) -> None:
    runs = [make_run("ugatit", steps=steps) for steps in (30, 120)]
    both_ways = [
        (runs[0], "A2B"),
        (runs[1], "A2B"),
        (runs[0], "B2A"),
        (make_run("cut"), "A2B"),
        (make_run("cut"), "B2A"),
    ]
    records = [
        make_record("kid", run.config.method, 0.1 * place, run=run.id, direction=direction)
        for place, (run, direction) in enumerate(both_ways, start=1)
    ]
    table = build_table(records, configurations=configurations(run for run, _ in both_ways))
    assert [row.label for row in table.blocks[1].rows] == ["cut", "ugatit (steps 30)"]
    (ranking,) = add_rankings(table).rankings
    assert [method.label for method in ranking.methods] == ["ugatit (steps 30)", "cut"]
    assert ranking.left_out == ("ugatit (steps 120)",)


def test_runs_of_one_seed_that_began_from_two_seeds_of_a_run_both_count(
    make_run: MakeRun, make_record: MakeRecord
) -> None:
    starts = [make_run("ugatit", seed=seed, steps=30) for seed in (0, 1)]
    longer = make_run("ugatit", seed=0, steps=60)
    configs = [longer.config.model_copy(update={"init_from": start.id}) for start in starts]
    tuned = [open_run(longer.dataset_folder, config) for config in configs]
    records = [make_record("kid", "ugatit", value, run=run.id) for run, value in zip(tuned, (0.1, 0.3), strict=True)]
    (row,) = build_table(records, configurations=configurations([*starts, *tuned])).rows
    assert (row.cells["kid"].value, row.cells["kid"].n_seeds) == (pytest.approx(0.2), 2)


def test_one_configuration_has_no_addition_to_its_label(make_run: MakeRun, make_record: MakeRecord) -> None:
    run = make_run("ugatit", steps=30)
    table: Table = build_table([make_record("kid", "ugatit", 0.1, run=run.id)], configurations=configurations([run]))
    assert [row.label for row in table.rows] == ["ugatit"]
    assert to_json(table)["rows"][0]["config"] == {}
    assert "--where" not in render(table, "md")
