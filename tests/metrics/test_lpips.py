import pytest
import torch

from ugbench.errors import UsageError
from ugbench.metrics import lpips


def test_lpips_is_the_mean_over_pairs_with_its_standard_error() -> None:
    score = lpips.compute(torch.tensor([0.0, 0.4, 2.0]))
    # The standard deviation is sqrt(1.12).
    assert score.value == pytest.approx(0.8)
    assert score.se == pytest.approx((1.12 / 3) ** 0.5)
    assert score.low is None


def test_no_pairs_have_no_lpips() -> None:
    with pytest.raises(UsageError, match="no pairs"):
        lpips.compute(torch.zeros(0))


def test_no_table_marks_a_best_lpips() -> None:
    assert lpips.METRIC.higher_is_better is None
