"""How many permutations a p-value takes, and that it is on the right side of the level."""

from __future__ import annotations

import numpy as np
import pytest

from ugbench.metrics._monte_carlo import FIRST, MOST, RISK, MonteCarloP, monte_carlo_p


def drawn(p: float, seed: int = 0, levels: tuple[float, ...] = (0.05,), images: int = 100) -> MonteCarloP:
    """The p-value where each permutation is a hit with the probability p."""
    random = np.random.default_rng(seed)
    return monte_carlo_p(lambda count: int(random.binomial(count, p)), levels, images)


@pytest.mark.parametrize("p", [0.0, 0.01, 0.2, 0.5, 1.0])
def test_far_from_the_level_a_thousand_are_enough(p: float) -> None:
    assert drawn(p).permutations == FIRST
    assert drawn(p).value == pytest.approx(p, abs=0.06)


def test_at_the_level_the_limit_is_reached() -> None:
    assert drawn(0.05) == (pytest.approx(0.05, abs=0.004), MOST)


def test_each_level_of_holms_adjustment_counts() -> None:
    assert drawn(0.0101, levels=(0.05,)).permutations == FIRST
    assert drawn(0.0101, levels=(0.05, 0.01)).permutations > 8 * FIRST


@pytest.mark.parametrize("p", [0.04, 0.06])
def test_where_it_stops_early_it_is_on_the_right_side(p: float) -> None:
    stopped = [result for seed in range(400) if (result := drawn(p, seed)).permutations < MOST]
    wrong = sum((result.value <= 0.05) != (p <= 0.05) for result in stopped)
    assert len(stopped) > 300 and wrong / len(stopped) <= RISK


def test_thousands_of_images_take_no_more_than_the_first_batch() -> None:
    assert drawn(0.05, images=10_000).permutations == FIRST
    assert FIRST < drawn(0.05, images=2000).permutations < MOST


def test_a_number_that_was_asked_for_is_kept_to() -> None:
    assert monte_carlo_p(lambda count: count // 10, (0.05,), 100, permutations=99) == (10 / 100, 99)
