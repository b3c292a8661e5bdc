"""Error rates of tests over images: of two checkpoints, of equality, and from how many permutations."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from simulations import ROOT, loaded

from ugbench.metrics._monte_carlo import RISK
from ugbench.statistics.paired_test import LEAST_IMAGES

EQUAL = ("exchangeable", "exchangeable 10%", "equal KID", "10% untouched")
PAGE = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")


def figures_of(name: str) -> Any:
    return json.loads((ROOT / "docs" / "reference" / "simulations" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def clusters() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module("feature_pools").clusters()


def test_two_checkpoints_of_equal_kid_are_told_apart_as_rarely_as_the_level_says(clusters: Any) -> None:
    shares = loaded("paired_tests").shares
    equal = shares(clusters, ("10% untouched", "-", "-"), LEAST_IMAGES, 200, 0)
    unequal = shares(clusters, ("10% - 30% untouched", "-", "-"), LEAST_IMAGES, 200, 0)
    assert equal["t 0.05"] <= 0.08 and equal["swaps 0.05"] <= 0.08  # two standard errors above 0.05
    assert unequal["t 0.05"] > 0.25 and unequal["swaps 0.05"] > 0.5


def test_the_committed_figures_of_both_tests_keep_the_promise_and_the_page_shows_them() -> None:
    figures = figures_of("paired_tests")
    assert figures["draws"] >= 2000
    equal = [row for row in figures["rows"] if row["kind"] in EQUAL]
    enough = [row for row in equal if row["images"] >= LEAST_IMAGES]
    assert max(row["t 0.05"] for row in enough) <= 0.065 and max(row["swaps 0.05"] for row in enough) <= 0.075
    assert max(row["t 0.05"] for row in equal) > 0.08  # with fewer images
    assert loaded("paired_tests").markdown_table(figures["rows"]) in PAGE
    most = [100 * max(row[name] for row in enough) for name in ("t 0.05", "swaps 0.05")]
    assert f"in at most {most[0]:.3g} % of the draws, and swaps in at most {most[1]:.3g} %" in PAGE


def test_the_committed_figures_of_permutations_keep_the_promise_and_the_page_shows_them() -> None:
    figures = figures_of("permutations")
    assert figures["draws"] >= 2000
    assert all(row["size"] <= 0.06 for row in figures["equality"])
    decided = [row for row in figures["batches"] if row["wrong"] is not None]
    assert all(row["wrong"] <= RISK for row in decided)
    assert max(row["wrong_of_1000"] for row in decided) > 0.3
    for table in loaded("permutations").tables(figures):
        assert table in PAGE
