import numpy as np
import pytest
import torch
from scipy import stats

from ugbench.errors import UsageError
from ugbench.metrics import kid
from ugbench.metrics._blocks import block_score, block_sizes, block_values, mixed_score, over_orders


def sets(n: int, m: int, shift: float = 0.3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 8, generator=generator) + shift, torch.rand(m, 8, generator=generator)


@pytest.mark.parametrize(
    ("n", "blocks", "sizes"),
    [(100, 10, [10] * 10), (23, 3, [7, 8, 8]), (22, 3, [7, 7, 8]), (9, 1, [9]), (5, 2, [2, 3])],
)
def test_blocks_are_as_equal_as_may_be_with_the_smaller_first(n: int, blocks: int, sizes: list[int]) -> None:
    assert block_sizes(n, blocks) == sizes


def test_values_by_hand() -> None:
    # One dimension: k(x, y) = (xy + 1)^3. Two blocks of two images of each set.
    fake, real = torch.tensor([[0.0], [1.0], [0.0], [0.0]]), torch.tensor([[0.0], [0.0], [1.0], [1.0]])
    # Block 1: k(0, 1) + k(0, 0) - 2 mean k = 1 + 1 - 2 = 0. Block 2: 1 + k(1, 1) - 2 = 1 + 8 - 2 = 7.
    assert block_values(fake, real, largest=2).tolist() == [0.0, 7.0]
    score = block_score(fake, real, largest=2)
    # sd = 7 / sqrt(2); se = sd / sqrt(2) = 3.5; Student's quantile with 1 degree is 12.706.
    assert (score.value, score.se) == (3.5, pytest.approx(3.5))
    assert score.low == pytest.approx(3.5 - 12.7062 * 3.5, rel=1e-5)
    assert score.high == pytest.approx(3.5 + 12.7062 * 3.5, rel=1e-5)


def test_a_block_uses_its_own_images_in_file_order() -> None:
    fake, real = sets(23, 30)
    cuts_fake, cuts_real = [(0, 7), (7, 15), (15, 23)], [(0, 10), (10, 20), (20, 30)]
    expected = [kid.compute(fake[a:b], real[c:d]).value for (a, b), (c, d) in zip(cuts_fake, cuts_real, strict=True)]
    assert block_values(fake, real).tolist() == pytest.approx(expected, abs=1e-12)


def test_the_error_is_the_standard_error_of_the_blocks_mean_with_students_interval() -> None:
    values = block_values(*sets(100, 100)).numpy()
    score = block_score(*sets(100, 100))
    assert score.se == pytest.approx(np.std(values, ddof=1) / np.sqrt(10))
    interval = stats.ttest_1samp(values, 0).confidence_interval()
    assert (score.low, score.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_one_block_is_the_full_statistic_without_an_error() -> None:
    fake, real = sets(10, 8)
    score = block_score(fake, real)
    assert score.value == pytest.approx(kid.compute(fake, real).value)
    assert (score.se, score.low, score.high) == (None, None, None)


def test_the_mixed_value_is_half_of_two_and_ninety_eight_per_cent() -> None:
    fake, target = sets(40, 40)
    source = fake - 0.1
    mixed = mixed_score(fake, target, source)
    of_target, of_source = block_values(fake, target), block_values(fake, source)
    assert mixed.value == pytest.approx(float((0.02 * of_target.mean() + 0.98 * of_source.mean()) / 2))
    both = (0.02 * of_target + 0.98 * of_source) / 2
    assert mixed.se == pytest.approx(float(both.std()) / 2)
    plain = mixed_score(fake, target, source, source_weight=0.5)
    assert plain.value == pytest.approx(float((of_target.mean() + of_source.mean()) / 4))


def test_a_mixed_value_of_unlike_blocks_has_no_error() -> None:
    fake, target = sets(40, 40)
    mixed = mixed_score(fake, target, sets(60, 60)[0])
    assert mixed.se is None and mixed.low is None
    assert mixed.value != 0


def test_the_value_depends_on_the_order_of_the_files_and_the_spread_says_how_much() -> None:
    fake, real = sets(50, 50, shift=0.05)
    found = over_orders(fake, real, orders=100)
    random = np.random.default_rng(1)
    orders = [(random.permutation(50), random.permutation(50)) for _ in range(100)]
    values = [float(block_values(fake[one], real[other]).mean()) for one, other in orders]
    assert found.sd == pytest.approx(np.std(values, ddof=1), rel=0.4)
    assert found.smallest < found.mean - found.sd < found.mean + found.sd < found.largest
    assert found.mean == pytest.approx(kid.compute(fake, real).value, abs=4 * found.sd / 100**0.5)
    assert found == over_orders(fake, real, orders=100)
    assert found.orders == 100


@pytest.mark.parametrize(("n", "m"), [(100, 12), (12, 100)])
def test_sets_too_unlike_for_blocks_are_refused_in_words(n: int, m: int) -> None:
    with pytest.raises(UsageError, match="make 10 blocks with fewer than 2 images"):
        block_score(*sets(n, m))
