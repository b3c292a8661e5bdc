"""Tests between two options of a poll, against computations by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ugbench.statistics import holm
from ugbench.statistics.preference_tests import PreferenceDifference, preference_differences
from ugbench.statistics.vote_clusters import vote_clusters


def differences(rows: list[list[int]], options: int = 2) -> tuple[PreferenceDifference, ...]:
    """Of choices, a row for each rater and a column for each image."""
    choices = np.array(rows)
    raters, images = (index.ravel() for index in np.indices(choices.shape))
    return preference_differences(choices.ravel(), vote_clusters(raters, images), options)


def test_the_statistic_by_hand() -> None:
    # Seven raters always choose 0 and one always chooses 1, on 20 images.
    (difference,) = differences([[0] * 20] * 7 + [[1] * 20])
    assert difference.value == pytest.approx(0.75)
    over_raters, over_images, over_votes = 8 * (1 / 8) ** 2, 20 * (0.75 / 20) ** 2, 160 * (1 / 160) ** 2
    z = 0.75 / math.sqrt(over_raters + over_images - over_votes)
    assert difference.p == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_votes_for_a_third_option_count_as_no_preference() -> None:
    rows = [[0, 2, 1, 2, 0, 2, 2, 0]] * 4 + [[2, 2, 0, 2, 2, 2, 1, 2]] * 4
    difference = differences(rows, options=3)[0]
    assert (difference.first, difference.second) == (0, 1)
    assert difference.value == pytest.approx(((3 - 1) / 8 + 0) / 2)


@pytest.mark.parametrize("raters", [6, 7, 9])
def test_unanimous_raters_have_the_p_value_of_a_sign_test_or_more(raters: int) -> None:
    (difference,) = differences([[1] * 1000] * raters)
    assert difference.value == -1
    normal = math.erfc(1 / math.sqrt(2 * (1 / raters + 1 / 1000 - 1 / (1000 * raters))))
    assert difference.p == pytest.approx(max(normal, 2.0 ** (1 - raters)))


def test_six_unanimous_raters_on_many_images_have_exactly_that_of_the_sign_test() -> None:
    assert differences([[0] * 1000] * 6)[0].p == pytest.approx(2 / 2**6)


@pytest.mark.parametrize(("raters", "images"), [(5, 100), (100, 5)])
def test_fewer_than_six_raters_or_images_have_no_test(raters: int, images: int) -> None:
    for difference in differences([[0] * images] * raters, options=3):
        assert (difference.p, difference.adjusted_p) == (None, None)
    assert differences([[0] * images] * raters)[0].value == 1


def test_options_without_votes_do_not_differ() -> None:
    difference = differences([[0] * 10] * 8, options=3)[2]
    assert (difference.first, difference.second, difference.value, difference.p) == (1, 2, 0, 1)


def test_p_is_adjusted_over_all_pairs() -> None:
    rows = np.random.default_rng(0).choice(4, p=[0.5, 0.3, 0.15, 0.05], size=(12, 30)).tolist()
    results = differences(rows, options=4)
    assert [(one.first, one.second) for one in results] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert [one.adjusted_p for one in results] == holm.adjusted([one.p for one in results])
    assert results[2].adjusted_p is not None and results[2].adjusted_p < 0.05


def test_the_order_of_two_options_turns_the_sign_alone() -> None:
    rows = np.random.default_rng(0).choice(2, p=[0.7, 0.3], size=(9, 30))
    (first,), (second,) = differences(rows.tolist()), differences((1 - rows).tolist())
    assert first.value == pytest.approx(-second.value)
    assert first.p == pytest.approx(second.p)
