"""The figure of the study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.dial_study.design import TEXTURE, Setting
from benchmarks.dial_study.figure import draw
from benchmarks.dial_study.tests.made_records import Records, dataset_name, final_rho
from ugbench.errors import UsageError
from ugbench.figures import _style
from ugbench.scoring import record


@pytest.fixture
def results(tmp_path: Path, records: Records) -> Path:
    """A folder that holds the records."""
    rhos, scores = records
    (tmp_path / "rho.jsonl").write_text("".join(json.dumps(rho.model_dump()) + "\n" for rho in rhos))
    record.append(tmp_path / "scores.jsonl", scores)
    return tmp_path


def test_the_figure_has_a_point_a_run_and_a_marker_a_start(results: Path) -> None:
    figure = draw(results)
    left, right = figure.axes
    points = {line.get_marker(): line for line in left.lines if len(line.get_xdata()) == 4 * 8}
    assert list(points) == ["o", "s", "^"]
    assert [line.get_markerfacecolor() for line in points.values()] == ["1.0", "0.5", "0.0"]
    at_texture = [y for x, y in zip(*points["s"].get_data(), strict=True) if round(x) == 2]
    assert at_texture == pytest.approx([final_rho(TEXTURE, seed) for seed in range(8)])
    assert [label.get_text() for label in left.get_xticklabels()] == ["0, 0", "1, 0", "0, 1", "1, 1"]
    assert left.get_ylim() == (-0.02, 1.02)
    assert [label.get_text() for label in right.get_xticklabels()] == ["1, 0", "0, 1", "1, 1"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        *(f"learnt from {start}" for start in ("0", "0.5", "1")),
        *(f"fixed at {rho}" for rho in ("0", "1")),
    ]
    assert figure.get_figwidth() <= _style.WIDTH


def test_the_errors_are_means_with_their_intervals_over_seeds(results: Path) -> None:
    _, right = draw(results).axes
    means = [line for line in right.lines if line.get_marker() == "+" and len(line.get_xdata()) == 1]
    assert [line.get_ydata()[0] for line in means] == pytest.approx([0.6535] * 3)
    spans = [line.get_ydata() for line in right.lines if line.get_color() == "0.45"]
    half = 2.3646 * 0.001 * (6**0.5) / (8**0.5)  # Student's with 7 degrees; 0 to 7 has a variance of 6
    assert max(high - low for low, high in spans) == pytest.approx(2 * half, rel=1e-3)


def test_the_figure_of_one_data_set_shows_that_alone(results: Path) -> None:
    left, right = draw(results, dataset_name(TEXTURE)).axes
    assert [[label.get_text() for label in panel.get_xticklabels()] for panel in (left, right)] == [["0, 1"]] * 2


def test_a_figure_of_the_placebo_alone_has_an_empty_panel_of_errors(results: Path) -> None:
    _, right = draw(results, dataset_name(Setting(0, 0))).axes
    assert [label.get_text() for label in right.get_xticklabels()] == ["0, 0"]
    assert len(right.lines) == 0


def test_a_figure_without_records_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no rho\.jsonl under .*`python -m benchmarks.dial_study run` makes them"):
        draw(tmp_path)
