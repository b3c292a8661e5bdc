"""The promised coverage, by simulation; benchmarks/coverage.py makes the figures of docs/statistics.md."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from simulations import ROOT, loaded

from ugbench.metrics import _kernel

FIGURES = ROOT / "docs" / "reference" / "statistics.json"


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    return loaded("coverage", "benchmarks")


@pytest.fixture(scope="module")
def pools(coverage: ModuleType) -> Any:
    generator = torch.Generator().manual_seed(0)
    real, other = torch.rand(120, 8, generator=generator), torch.rand(90, 8, generator=generator) + 0.4
    source = torch.rand(80, 8, generator=generator) + 0.2
    first, second = (source + 0.05 * torch.randn(80, 8, generator=generator) for _ in range(2))
    return coverage.Pools(real, other, {"first": first, "second": second + 0.1})


def promises(figures: dict[str, Any], slack: float) -> None:
    """What docs/statistics.md promises, with `slack` for the number of draws."""
    for row in figures["kid"]:
        if row["truth_over_se"] > 5:
            assert row["se_over_sd"] == pytest.approx(1.0, abs=0.03 + 2 * slack), row
        if row["difference"] == "null":
            assert row["p_under_0.05"] == pytest.approx(0.05, abs=0.015 + slack), row
    for row in figures["paired"]:
        assert row["coverage"] >= 0.93 - slack, row
        assert row["se_ratio"] > 1 and row["width_ratio_at_95"] > 1, row
        if row["kind"] == "exchangeable":
            assert row["p_under_0.05"] == pytest.approx(0.05, abs=0.015 + slack), row


def test_the_pools_kernel_gives_the_row_sums_of_the_drawn_features(pools: Any) -> None:
    random = np.random.default_rng(0)
    fake, real = pools.draw(random, "other", (1, 30))[0], pools.draw(random, "real", (1, 40))[0]
    found, expected = pools.sums(fake, real), _kernel.row_sums(pools.all[fake], pools.all[real])
    for name in ("fake", "real", "fake_cross", "real_cross"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=0)


def test_the_truth_is_what_draws_give_in_the_mean(coverage: ModuleType, pools: Any) -> None:
    fakes, reals, truth = coverage.drawn(pools, "middle", 40, 40, 500, 0)
    values = [_kernel.unbiased(_kernel.row_sums(pools.all[x], pools.all[y])) for x, y in zip(fakes, reals, strict=True)]
    assert truth > 0
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / 500**0.5)


def test_unlike_outputs_of_equal_kid_are_that(coverage: ModuleType, pools: Any) -> None:
    random = np.random.default_rng(0)
    ones, others, truth = coverage.pairs(pools, "equal KID", "first", "second", (2000, 40), random)
    assert truth == pytest.approx(0, abs=1e-9)
    assert (ones != others).all()
    reals = pools.draw(random, "real", (2000, 40))
    gaps = [
        _kernel.unbiased(pools.sums(one, real)) - _kernel.unbiased(pools.sums(other, real))
        for one, other, real in zip(ones, others, reals, strict=True)
    ]
    assert np.mean(gaps) == pytest.approx(0, abs=4 * np.std(gaps) / 2000**0.5)


def test_coverage_counts_truths_inside_and_would_see_an_error_that_is_too_small(coverage: ModuleType) -> None:
    errors = np.random.default_rng(0).normal(size=4000)
    assert coverage.covers([(error, 1.0) for error in errors], 1000) == pytest.approx(0.95, abs=0.012)
    assert coverage.covers([(error, 0.8) for error in errors], 1000) < 0.9
    assert coverage.half_width([(error, 0.8) for error in errors]) == pytest.approx(1.96, abs=0.08)


def test_a_few_draws_keep_the_promises(coverage: ModuleType, pools: Any) -> None:
    figures = coverage.simulate(pools, draws=200, tests=100, permutations=39, n=60)
    promises(figures, slack=0.05)
    assert "| difference | n | m |" in coverage.tables(figures)


@pytest.mark.slow
def test_thousands_of_draws_from_real_features_keep_the_promises(test_data: Path, tmp_path: Path) -> None:
    weights = test_data / "weights" / "alexnet-features.pth"
    command = [sys.executable, "benchmarks/coverage.py", "--data", test_data / "data", "--weights", weights]
    subprocess.run([*command, "--output", tmp_path / "figures.json"], check=True, cwd=ROOT, capture_output=True)
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["draws"] >= 2000 and figures["tests"] >= 2000
    promises(figures, slack=0.0)


def test_the_committed_figures_keep_the_promises_and_the_page_shows_them(coverage: ModuleType) -> None:
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert figures["draws"] >= 2000 and figures["tests"] >= 2000
    promises(figures, slack=0.0)
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    for table in coverage.tables(figures).split("\n\n"):
        assert table in page
