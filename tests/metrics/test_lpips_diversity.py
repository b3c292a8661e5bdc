from __future__ import annotations

import pytest
import torch

from ugbench.errors import UsageError
from ugbench.metrics import lpips_diversity


def test_it_is_the_mean_over_sources_of_the_mean_over_their_pairs_with_an_error_over_sources() -> None:
    distances = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.4, 0.4], [0.9, 0.0, 0.0]])
    score = lpips_diversity.compute(distances, samples=3)
    assert score.each == pytest.approx((0.2, 0.4, 0.3))
    assert score.value == pytest.approx(0.3)
    assert score.se == pytest.approx(0.1 / 3**0.5)
    assert score.low is None


def test_all_pairs_of_ten_samples_are_45() -> None:
    assert lpips_diversity.compute(torch.full((2, 45), 0.5)).value == 0.5
    assert lpips_diversity.METRIC.settings == {"samples": 10}


@pytest.mark.parametrize(("pairs", "samples"), [(3, 4), (0, 1), (45, 9)])
def test_another_number_of_pairs_is_refused(pairs: int, samples: int) -> None:
    with pytest.raises(UsageError, match=f"samples={samples} was given, and each source has {pairs} pairs"):
        lpips_diversity.compute(torch.zeros(2, pairs), samples=samples)


def test_no_sources_have_no_diversity() -> None:
    with pytest.raises(UsageError, match="lpips_diversity: there are no pairs"):
        lpips_diversity.compute(torch.zeros(0, 45))
