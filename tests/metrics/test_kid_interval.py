import math

import pytest

from ugbench.metrics._kid_interval import kid_interval

T_49 = 2.00958  # Student's 0.975 quantile with 49 degrees


def test_far_from_zero_the_interval_is_students() -> None:
    low, high = kid_interval(10.0, 10.02, 0.1, 50)
    assert (low, high) == pytest.approx((10 - T_49 * 0.1, 10 + T_49 * 0.1), abs=0.003)


def test_a_value_within_its_error_has_an_upper_end_that_is_much_farther_than_the_lower_one() -> None:
    low, high = kid_interval(0.1, 0.2, 0.1, 50)
    # (u - 0.1)^2 = t^2 0.01 (0.1 + u) / 0.2, solved by hand.
    shift = T_49**2 * 0.01 / 0.2 / 2
    root = math.sqrt(shift**2 + T_49**2 * 0.01)
    assert (low, high) == pytest.approx((0.1 + shift - root, 0.1 + shift + root), rel=1e-5)
    assert high - 0.1 > 1.5 * (0.1 - low)


@pytest.mark.parametrize("value", [-0.3, -0.05, 0.0, 0.4])
def test_the_lower_end_never_asks_for_a_measured_distance_below_zero(value: float) -> None:
    distance = value + 0.4  # the noise of both means adds 0.4
    low, high = kid_interval(value, distance, 0.2, 50)
    assert value - distance <= low < value < high


def test_without_an_error_the_interval_is_the_value() -> None:
    assert kid_interval(0.5, 0.5, 0.0, 50) == (0.5, 0.5)
    assert kid_interval(0.0, 0.0, 0.1, 50) == (0.0, 0.0)
