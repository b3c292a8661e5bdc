"""The logs of a training: metrics.jsonl as curves, timing.jsonl as times."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ugbench.errors import RunError
from ugbench.runs.folder import RunFolder
from ugbench.runs.training_log import last_logged_step, read_curves, seconds_per_step, training_hours


def test_each_key_is_a_curve_over_its_own_steps(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 10, "g/cycle": 2.5}\n{"step": 20, "g/cycle": 1.5, "rho/x": 1}\n', encoding="utf-8"
    )
    curves = read_curves(RunFolder(tmp_path))
    assert list(curves) == ["g/cycle", "rho/x"]
    assert curves["g/cycle"].steps.tolist() == [10, 20]
    assert curves["g/cycle"].values.tolist() == [2.5, 1.5]
    assert curves["rho/x"].steps.tolist() == [20]


def test_what_is_not_finite_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "g": NaN}\n{"step": 2, "g": Infinity}\n', encoding="utf-8")
    assert np.isnan(read_curves(RunFolder(tmp_path))["g"].values).all()


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "g": 1}\n{"step": 2, "g', encoding="utf-8")
    assert read_curves(RunFolder(tmp_path))["g"].steps.tolist() == [1]


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", '{"g": 1}', '{"step": 1, "g": "x"}', "1"])
def test_a_damaged_line_names_file_and_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1, "g": 1}}\n{line}\n', encoding="utf-8")
    with pytest.raises(RunError, match=r"metrics\.jsonl, line 2"):
        read_curves(RunFolder(tmp_path))


def test_a_run_that_has_logged_nothing_has_no_curves(tmp_path: Path) -> None:
    assert read_curves(RunFolder(tmp_path)) == {}


def test_hours_count_each_line_for_the_steps_since_the_line_before(tmp_path: Path) -> None:
    file = tmp_path / "timing.jsonl"
    file.write_text('{"step": 10, "seconds_per_step": 36}\n{"step": 30, "seconds_per_step": 72}\n{"step": 40, "sec')
    assert training_hours(RunFolder(tmp_path)) == pytest.approx((10 * 36 + 20 * 72) / 3600)
    file.write_text("")
    assert training_hours(RunFolder(tmp_path)) is None
    file.write_text('{"step": 10}\n')
    with pytest.raises(RunError, match=r"timing.jsonl, line 1 "):
        training_hours(RunFolder(tmp_path))


def test_the_seconds_per_step_come_in_the_order_of_the_lines(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert seconds_per_step(run) == []
    run.timing_file.write_text('{"step": 5, "seconds_per_step": 2}\n{"step": 9, "seconds_per_step": 1.5}\n')
    assert seconds_per_step(run) == [2.0, 1.5]


def test_the_seconds_per_step_of_a_method_with_a_period_are_means_over_it(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    seconds = [1, 1, 4, 1, 1, 7, 2]
    lines = [{"step": step, "seconds_per_step": value} for step, value in enumerate(seconds, start=1)]
    run.timing_file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    description = {"title": "T", "directions": ["A2B"], "parameters": {}, "flops_per_step": None}
    run.method_file.write_text(json.dumps(description))
    assert seconds_per_step(run) == seconds
    run.method_file.write_text(json.dumps({**description, "period": 3}))
    assert seconds_per_step(run) == [2.0, 3.0]


def test_the_last_logged_step_is_found_at_the_end_of_a_long_log(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert last_logged_step(run) == 0
    run.metrics_file.write_text("".join(f'{{"step": {step}, "g": 1.0}}\n' for step in range(1, 1001)))
    assert last_logged_step(run) == 1000
    with run.metrics_file.open("a") as stream:
        stream.write('{"ste')
    assert last_logged_step(run) == 1000
