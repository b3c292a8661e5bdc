import numpy as np
import pytest

from ugbench.statistics.holm import adjusted


def test_the_worked_example_by_hand() -> None:
    # Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2 and 0.04 x 1, which is raised to the one before it.
    assert adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_comparison_is_left_alone_and_nothing_passes_one() -> None:
    assert adjusted([0.04]) == [0.04]
    assert adjusted([0.6, 0.9, 0.5]) == [1.0, 1.0, 1.0]
    assert adjusted([]) == []


def test_equal_ps_share_one_adjustment() -> None:
    assert adjusted([0.01, 0.01, 0.01]) == pytest.approx([0.03] * 3)


def test_false_claims_in_a_family_are_as_rare_as_one_claims_error() -> None:
    random = np.random.default_rng(0)
    families = random.random((4000, 7))
    rate = np.mean([min(adjusted(list(family))) <= 0.05 for family in families])
    # 1 - (1 - 0.05 / 7)^7 = 0.049, with a standard error of 0.0034.
    assert rate == pytest.approx(0.049, abs=0.011)
    assert np.mean(families.min(1) <= 0.05) > 0.25


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="lies in"):
        adjusted([0.1, p])


def test_a_test_without_a_p_value_counts_in_the_family_and_stays_without_one() -> None:
    assert adjusted([0.01, None, 0.02]) == [pytest.approx(0.03), None, pytest.approx(0.04)]
