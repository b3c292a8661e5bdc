import numpy as np
import pytest
import torch

from ugbench.metrics._intervals import mean_score, ratio_score


def test_a_mean_has_the_standard_error_of_the_mean() -> None:
    score = mean_score(torch.tensor([1.0, 2.0, 4.0]))
    assert score.value == pytest.approx(7 / 3)
    assert score.se == pytest.approx(np.std([1, 2, 4], ddof=1) / np.sqrt(3))


@pytest.mark.parametrize(("n", "has"), [(29, False), (30, True)])
def test_an_interval_needs_thirty_images(n: int, has: bool) -> None:
    score = mean_score(torch.arange(n).double())
    assert (score.low is not None, score.high is not None) == (has, has)
    if has:
        assert score.se is not None and score.low is not None and score.high is not None
        # Student's quantile with 29 degrees of freedom.
        assert score.high - score.value == pytest.approx(2.04523 * score.se, rel=1e-4)
        assert score.value - score.low == pytest.approx(2.04523 * score.se, rel=1e-4)


def test_one_image_has_a_value_and_no_error() -> None:
    assert (mean_score(torch.tensor([0.5])).value, mean_score(torch.tensor([0.5])).se) == (0.5, None)
    one = ratio_score(torch.tensor([1.0]), torch.tensor([4.0]))
    assert (one.value, one.se) == (0.25, None)


def test_a_ratio_is_of_sums_so_a_tiny_denominator_decides_nothing() -> None:
    assert ratio_score(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0])).value == 1.0


def test_a_ratio_over_equal_denominators_is_a_mean_with_its_error() -> None:
    values = torch.rand(40, generator=torch.Generator().manual_seed(0))
    ratio, mean = ratio_score(2 * values, torch.full((40,), 2.0)), mean_score(values)
    assert ratio.value == pytest.approx(mean.value)
    assert ratio.se == pytest.approx(mean.se)
    assert ratio.low == pytest.approx(mean.low)


def test_a_ratios_error_is_its_spread_over_draws() -> None:
    generator = torch.Generator().manual_seed(1)
    scores = []
    for _ in range(400):
        below = 0.5 + torch.rand(50, generator=generator)
        scores.append(ratio_score(below * torch.rand(50, generator=generator), below))
    spread = np.std([score.value for score in scores], ddof=1)
    assert np.mean([score.se for score in scores]) == pytest.approx(spread, rel=0.12)
