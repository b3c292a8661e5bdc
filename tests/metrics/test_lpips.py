import pytest
import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import lpips


def gap(first: Tensor, second: Tensor) -> Tensor:
    """A distance whose values can be told by hand."""
    assert first.dtype == torch.float32
    return (first - second).abs().mean((1, 2, 3))


def test_lpips_is_the_mean_over_pairs_on_the_scale_from_minus_one_to_one() -> None:
    source = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    output = torch.stack([torch.full((3, 8, 8), level, dtype=torch.uint8) for level in (0, 51, 255)])
    score = lpips.compute(source, output, gap, batch_size=2)
    # Distances 0, 0.4 and 2; their standard deviation is sqrt(1.12).
    assert score.value == pytest.approx(0.8)
    assert score.se == pytest.approx((1.12 / 3) ** 0.5)
    assert score.low is None


def test_images_reach_the_distance_at_their_own_size_pair_by_pair() -> None:
    seen: list[tuple[int, ...]] = []

    def watch(first: Tensor, second: Tensor) -> Tensor:
        seen.append(tuple(first.shape))
        return gap(first, second)

    images = torch.randint(0, 256, (5, 3, 20, 30), dtype=torch.uint8)
    assert lpips.compute(images, images, watch, batch_size=2).value == 0
    assert seen == [(2, 3, 20, 30), (2, 3, 20, 30), (1, 3, 20, 30)]


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (3, 3, 9, 8)])
def test_outputs_that_are_no_pairs_with_sources_are_refused(shape: tuple[int, ...]) -> None:
    source = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(UsageError, match="no pairs"):
        lpips.compute(source, torch.zeros(shape, dtype=torch.uint8), gap)
    with pytest.raises(UsageError, match="no pairs"):
        lpips.compute(source[:0], source[:0], gap)


def test_no_table_marks_a_best_lpips() -> None:
    assert lpips.METRIC.higher_is_better is None
