"""CMMD against double loops over single kernel values, and its interval against a pool of known distance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.metrics import _kernel, cmmd
from ugbench.metrics._kid_interval import kid_interval


def sets(n: int, m: int, d: int = 24, shift: float = 0.4) -> tuple[Tensor, Tensor]:
    """Embeddings that are not normalised."""
    random = torch.Generator().manual_seed(n + m)
    return torch.randn(n, d, generator=random) + shift, 3 * torch.randn(m, d, generator=random)


def kernel(x: list[float], y: list[float]) -> float:
    """The Gaussian kernel of sigma 10 between the directions of two vectors."""
    lengths = [math.sqrt(sum(value * value for value in vector)) for vector in (x, y)]
    squared = sum((a / lengths[0] - b / lengths[1]) ** 2 for a, b in zip(x, y, strict=True))
    return math.exp(-squared / 200)


def means(fake: Tensor, real: Tensor, with_itself: bool) -> tuple[float, float, float]:
    """The mean kernel within the fakes, within the reals and between both."""
    x, y = fake.tolist(), real.tolist()
    within = [
        [kernel(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if with_itself or i != j]
        for rows in (x, y)
    ]
    between = [kernel(a, b) for a in x for b in y]
    return (*(sum(values) / len(values) for values in within), sum(between) / len(between))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (7, 12)])
def test_cmmd_is_a_thousand_times_the_unbiased_squared_mmd(n: int, m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernel, "BLOCK", 5)
    fake, real = sets(n, m)
    within_fake, within_real, between = means(fake, real, with_itself=False)
    expected = 1000 * (within_fake + within_real - 2 * between)
    assert cmmd.compute(fake, real).value == pytest.approx(expected, abs=1e-6)
    assert abs(expected) > 0.1


def test_the_authors_estimate_is_larger_by_what_the_docstring_says() -> None:
    fake, real = sets(9, 14)
    x, y, between = means(fake, real, with_itself=True)
    theirs = 1000 * (x + y - 2 * between)
    k_fake, k_real, _ = means(fake, real, with_itself=False)
    extra = 1000 * ((1 - k_fake) / 9 + (1 - k_real) / 14)
    assert cmmd.compute(fake, real).value + extra == pytest.approx(theirs, abs=1e-6)
    assert 0 < extra < 20 / 9 + 20 / 14


def test_the_lengths_of_embeddings_do_not_matter() -> None:
    fake, real = sets(9, 14)
    lengths = torch.linspace(0.1, 50, 9)[:, None]
    assert cmmd.compute(fake * lengths, real / 7).value == pytest.approx(cmmd.compute(fake, real).value, abs=1e-6)


def test_the_error_is_the_jackknife_over_both_sets_and_contributions_average_to_the_value() -> None:
    fake, real = (features.double() for features in sets(8, 11))
    score = cmmd.compute(fake, real)
    variance = 0.0
    for features, others, swapped in ((fake, real, False), (real, fake, True)):
        left_out = []
        for place in range(len(features)):
            rest = torch.cat([features[:place], features[place + 1 :]])
            left_out.append(cmmd.compute(*((others, rest) if swapped else (rest, others))).value)
        variance += (len(left_out) - 1) * float(np.var(left_out))
    assert score.se == pytest.approx(math.sqrt(variance), rel=1e-6)
    assert score.each is not None and sum(score.each) / 8 == pytest.approx(score.value, abs=1e-6)
    assert (score.low, score.high) == (None, None)


def test_from_fifty_images_a_side_there_is_an_interval_and_near_zero_a_test() -> None:
    fake, real = sets(50, 60, shift=0.0)
    alike, apart = cmmd.compute(fake, real), cmmd.compute(fake + 2, real)
    assert alike.low is not None and alike.high is not None and alike.low < alike.value < alike.high
    assert alike.se is not None
    # The upper end is farther away: the error of a squared distance grows with it.
    assert alike.high - alike.value > alike.value - alike.low
    assert alike.p_value is not None and alike.p_value > 0.05
    assert apart.se is not None and apart.value > 5 * apart.se and apart.p_value is None
    near = cmmd.compute(fake + 0.25, real)
    assert near.p_value is not None and near.p_value < 0.01


def test_one_image_is_refused_and_an_embedding_of_zeros_is_no_division_by_zero() -> None:
    fake, real = sets(3, 4)
    with pytest.raises(UsageError, match="cmmd: 1 fake image"):
        cmmd.compute(fake[:1], real)
    fake[0] = 0
    assert math.isfinite(cmmd.compute(fake, real).value)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_interval_covers_the_distance_of_a_pool_in_at_least_93_of_100_draws(shift: float) -> None:
    draws, n = 2000, 60
    x, y = sets(400, 400, d=32, shift=shift)
    pool = torch.nn.functional.normalize(torch.cat([x, y]).double())
    matrix = cmmd.gaussian(pool, pool)
    gap = torch.cat([torch.full((400,), 1 / 400), torch.full((400,), -1 / 400)]).double()
    truth = 1000 * float(gap @ matrix @ gap)  # the V-statistic of the pool
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(draws):
        fake, real = torch.from_numpy(random.integers(0, 400, n)), torch.from_numpy(random.integers(400, 800, n))
        within = [matrix[rows[:, None], rows].sum(1) - matrix[rows, rows] for rows in (fake, real)]
        cross = matrix[fake[:, None], real]
        sums = _kernel.RowSums(*within, cross.sum(1), cross.sum(0))
        distance, se = _kernel.squared_distance(sums, *(matrix[rows, rows] for rows in (fake, real)))
        low, high = kid_interval(_kernel.unbiased(sums), float(distance), float(se), n)
        covered += 1000 * low <= truth <= 1000 * high
    assert covered / draws >= 0.93
