import numpy as np
import pytest
import torch

from ugbench.metrics._intervals import mean_score, ratio_score, skewed_interval


def test_a_mean_has_the_standard_error_of_the_mean() -> None:
    score = mean_score(torch.tensor([1.0, 2.0, 4.0]))
    assert score.value == pytest.approx(7 / 3)
    assert score.se == pytest.approx(np.std([1, 2, 4], ddof=1) / np.sqrt(3))


@pytest.mark.parametrize(("n", "has"), [(49, False), (50, True)])
def test_an_interval_needs_fifty_images(n: int, has: bool) -> None:
    score = mean_score(torch.arange(n).double())
    assert (score.low is not None, score.high is not None) == (has, has)
    if has:
        assert score.se is not None and score.low is not None and score.high is not None
        # Values without skewness: Student's quantile with 49 degrees of freedom.
        assert score.high - score.value == pytest.approx(2.00958 * score.se, rel=1e-4)
        assert score.value - score.low == pytest.approx(2.00958 * score.se, rel=1e-4)


def test_the_interval_of_skewed_values_reaches_farther_on_the_side_of_the_few_large_ones() -> None:
    values = torch.tensor([1.0] * 5 + [0.0] * 45)
    score, mirrored = mean_score(values), mean_score(-values)
    assert score.se is not None and score.low is not None and score.high is not None
    assert score.low > 0 and score.value - score.low < 1.7 * score.se
    assert score.high - score.value > 3 * score.se
    assert (mirrored.low, mirrored.high) == (pytest.approx(-score.high), pytest.approx(-score.low))


def test_the_ends_solve_halls_equation() -> None:
    """W + c W^2 / 3 + c^2 W^3 / 27 + c / (6 n) is -+ t / sqrt(n) at the ends, for W = (mean - end) / sd."""
    value, se, skewness, n = 2.0, 0.3, 1.7, 60
    for end, sign in zip(skewed_interval(value, se, skewness, n), (1, -1), strict=True):
        w = (value - end) / (se * n**0.5)
        transformed = w + skewness * w**2 / 3 + skewness**2 * w**3 / 27 + skewness / (6 * n)
        assert transformed == pytest.approx(sign * 2.00100 / n**0.5, rel=1e-5)


def test_equal_values_have_an_interval_of_no_width() -> None:
    score = mean_score(torch.full((60,), 0.5))
    assert (score.low, score.value, score.high) == (0.5, 0.5, 0.5)


def test_one_image_has_a_value_and_no_error() -> None:
    assert (mean_score(torch.tensor([0.5])).value, mean_score(torch.tensor([0.5])).se) == (0.5, None)
    one = ratio_score(torch.tensor([1.0]), torch.tensor([4.0]))
    assert (one.value, one.se) == (0.25, None)


def test_a_ratio_is_of_sums_so_a_tiny_denominator_decides_nothing() -> None:
    assert ratio_score(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0])).value == 1.0


def test_a_ratio_over_equal_denominators_is_a_mean_with_its_error() -> None:
    values = torch.rand(60, generator=torch.Generator().manual_seed(0)) ** 2
    ratio, mean = ratio_score(2 * values, torch.full((60,), 2.0)), mean_score(values)
    assert ratio.value == pytest.approx(mean.value)
    assert ratio.se == pytest.approx(mean.se)
    assert (ratio.low, ratio.high) == (pytest.approx(mean.low), pytest.approx(mean.high))


def test_a_ratios_error_is_its_spread_over_draws() -> None:
    generator = torch.Generator().manual_seed(1)
    scores = []
    for _ in range(400):
        below = 0.5 + torch.rand(50, generator=generator)
        scores.append(ratio_score(below * torch.rand(50, generator=generator), below))
    spread = np.std([score.value for score in scores], ddof=1)
    assert np.mean([score.se for score in scores]) == pytest.approx(spread, rel=0.12)
