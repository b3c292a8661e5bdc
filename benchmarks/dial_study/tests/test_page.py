"""docs/dial-study.md says what its records say, word for word and number for number."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.dial_study import exploratory, rho_records
from benchmarks.dial_study.design import SEEDS
from benchmarks.dial_study.figure import draw
from benchmarks.dial_study.measurements import Measurements, gather, means
from benchmarks.dial_study.sentences import sentences
from benchmarks.dial_study.verdict import judge
from ugbench.scoring import record

DOCS = Path(__file__).parents[3] / "docs"
RECORDS = DOCS / "reference" / "dial-study"


@pytest.fixture(scope="module")
def measurements() -> Measurements:
    return gather(rho_records.read_all(RECORDS), record.read_all(RECORDS), SEEDS)


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / "dial-study.md").read_text(encoding="utf-8")


def test_every_run_of_the_plan_is_there(measurements: Measurements) -> None:
    assert len(measurements.rhos) == 3 * 3 * 7 * 2, "settings, starts, seeds, directions"
    assert len(measurements.errors) == 2 * 5 * 7, "settings in which something changes, arms, seeds"


def test_the_answers_stand_there_word_for_word(measurements: Measurements, page: str) -> None:
    lines = page.splitlines()
    for sentence in sentences(judge(measurements)):
        assert f"> {sentence}" in lines


def test_the_means_stand_there(measurements: Measurements, page: str) -> None:
    rows = means(measurements)
    assert len(rows) == 3 + 5 + 5
    for row in rows:
        assert f"| {' | '.join(cell or '–' for cell in row)} |" in page.splitlines()


def test_the_page_quotes_what_the_exploratory_analysis_prints(page: str) -> None:
    summary, text = exploratory.summary(RECORDS), " ".join(page.split())
    starts = [interval.split()[0] for interval in summary["texture_minus_shape_by_start"].values()]
    assert f"by start it is {starts[0]}, {starts[1]} and {starts[2]} (from 0, 0.5 and 1)" in text
    layers = [layer["second_minus_first"].split()[0] for layer in summary["norm_layers"].values()]
    assert f"({layers[0]}, {layers[1]} and {layers[2]} at (0, 0), (1, 0) and (0, 1))" in text
    quoted = [summary["texture_minus_shape_b_to_a"], summary["placebo_from_1_minus_from_0"]]
    quoted += [interval for name in summary if name.startswith("error_") for interval in summary[name].values()]
    unquoted = summary["error_learnt_minus_fixed_at_1"].values()
    assert [interval for interval in quoted if interval not in text] == list(unquoted)


def test_the_figure_of_the_page_is_drawn_from_its_records() -> None:
    drawn = io.BytesIO()
    draw(RECORDS).savefig(drawn, format="png", dpi=300)
    pixels = [np.asarray(Image.open(file).convert("RGB"), int) for file in (drawn, DOCS / "images" / "figure-dial.png")]
    assert pixels[0].shape == pixels[1].shape
    # Versions of matplotlib and FreeType draw letters a little differently.
    assert np.abs(pixels[0] - pixels[1]).mean() < 1
