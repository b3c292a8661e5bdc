"""metrics.jsonl as curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ugbench.errors import RunError
from ugbench.figures._curves import smooth
from ugbench.runs.training_log import read_curves


def test_each_key_is_a_curve_over_its_own_steps(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 10, "g/cycle": 2.5}\n{"step": 20, "g/cycle": 1.5, "rho/x": 1}\n', encoding="utf-8"
    )
    curves = read_curves(tmp_path)
    assert list(curves) == ["g/cycle", "rho/x"]
    assert curves["g/cycle"].steps.tolist() == [10, 20]
    assert curves["g/cycle"].values.tolist() == [2.5, 1.5]
    assert curves["rho/x"].steps.tolist() == [20]


def test_what_is_not_finite_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "g": NaN}\n{"step": 2, "g": Infinity}\n', encoding="utf-8")
    assert np.isnan(read_curves(tmp_path)["g"].values).all()


def test_a_line_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "g": 1}\n{"step": 2, "g', encoding="utf-8")
    assert read_curves(tmp_path)["g"].steps.tolist() == [1]


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", '{"g": 1}', '{"step": 1, "g": "x"}', "1"])
def test_a_damaged_line_names_file_and_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1, "g": 1}}\n{line}\n', encoding="utf-8")
    with pytest.raises(RunError, match=r"metrics\.jsonl, line 2"):
        read_curves(tmp_path)


def test_a_run_that_has_logged_nothing_has_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path) == {}


def test_smoothing_is_a_mean_over_the_window_and_over_what_there_is_at_the_ends() -> None:
    values = np.array([1.0, 2.0, 6.0, 4.0])
    np.testing.assert_allclose(smooth(values, 3), [1.5, 3.0, 4.0, 5.0])
    np.testing.assert_allclose(smooth(values, 1), values)


def test_smoothing_passes_over_gaps() -> None:
    np.testing.assert_allclose(smooth(np.array([1.0, np.nan, 3.0]), 3), [1.0, 2.0, 3.0])
    assert np.isnan(smooth(np.array([np.nan, np.nan]), 1)).all()
