"""Errors over seeds and images together, against jackknives that are written out, and by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import pytest
import torch
from torch import Tensor

from ugbench.metrics._kernel import RowSums, jackknife_se, row_sums, unbiased
from ugbench.statistics import crossed, seeds
from ugbench.statistics.paired import paired_from

N, M = 12, 9


@pytest.fixture
def features() -> tuple[list[Tensor], Tensor]:
    """Outputs of three seeds for the same sources, and references."""
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(N, 4, generator=generator)
    outputs = [common + 0.3 * torch.randn(N, 4, generator=generator) + seed / 4 for seed in range(3)]
    return outputs, torch.randn(M, 4, generator=generator)


def sums_of(outputs: Sequence[Tensor], real: Tensor) -> list[RowSums]:
    return [row_sums(of_seed, real) for of_seed in outputs]


def mean_kid(outputs: Sequence[Tensor], real: Tensor) -> float:
    return sum(unbiased(sums) for sums in sums_of(outputs, real)) / len(outputs)


def without(x: Tensor, row: int) -> Tensor:
    return torch.cat([x[:row], x[row + 1 :]])


def jackknife_variance(estimates: list[float]) -> float:
    n, mean = len(estimates), sum(estimates) / len(estimates)
    return (n - 1) / n * sum((estimate - mean) ** 2 for estimate in estimates)


def test_the_error_over_images_of_a_mean_is_the_jackknife_that_drops_an_image_from_all_seeds(
    features: tuple[list[Tensor], Tensor],
) -> None:
    outputs, real = features
    images = jackknife_variance([mean_kid([without(x, row) for x in outputs], real) for row in range(N)])
    images += jackknife_variance([mean_kid(outputs, without(real, row)) for row in range(M)])
    sums = dict(zip("abc", sums_of(outputs, real), strict=True))
    values = {name: unbiased(of_seed) for name, of_seed in sums.items()}
    ses = {name: jackknife_se(of_seed) or 0.0 for name, of_seed in sums.items()}
    pair_ses = {frozenset(pair): paired_from(sums[pair[0]], sums[pair[1]]).se for pair in combinations("abc", 2)}
    seeds_variance = torch.tensor(list(values.values())).var().item() / 3
    mean = crossed.of_mean(values, ses, pair_ses, M)
    assert mean.se == pytest.approx(math.sqrt(images + seeds_variance), rel=1e-5)
    assert (mean.low + mean.high) / 2 == pytest.approx(sum(values.values()) / 3)


def test_the_error_over_images_of_a_difference_drops_an_image_from_both_methods(
    features: tuple[list[Tensor], Tensor],
) -> None:
    outputs, real = features
    others = [x.flip(1) + 0.5 for x in outputs]

    def difference(first: Sequence[Tensor], second: Sequence[Tensor], references: Tensor) -> float:
        return mean_kid(first, references) - mean_kid(second, references)

    images = jackknife_variance(
        [difference([without(x, row) for x in outputs], [without(x, row) for x in others], real) for row in range(N)]
    )
    images += jackknife_variance([difference(outputs, others, without(real, row)) for row in range(M)])
    claim = crossed.compare(sums_of(outputs, real), sums_of(others, real))
    assert claim is not None
    assert claim.difference == pytest.approx(difference(outputs, others, real))
    assert claim.images_se == pytest.approx(math.sqrt(images))
    assert claim.se == pytest.approx(math.hypot(claim.images_se, claim.seeds_se))
    assert claim.low < claim.difference < claim.high


def test_a_method_of_two_seeds_has_no_claim_for_other_images(features: tuple[list[Tensor], Tensor]) -> None:
    outputs, real = features
    assert crossed.compare(sums_of(outputs, real), sums_of(outputs[:2], real)) is None


def test_p_values_are_adjusted_over_the_family_and_a_missing_claim_counts(
    features: tuple[list[Tensor], Tensor],
) -> None:
    outputs, real = features
    claim = crossed.compare(sums_of(outputs, real), sums_of([x + 1 for x in outputs], real))
    assert claim is not None
    adjusted, missing = crossed.over_family([claim, None])
    assert missing is None
    assert adjusted is not None and adjusted.adjusted_p == pytest.approx(min(1.0, 2 * claim.p_value))


@pytest.mark.parametrize("count", [3, 20])
def test_with_seeds_and_images_drawn_anew_the_interval_covers_and_that_over_seeds_alone_does_not(count: int) -> None:
    """The second method swaps the two coordinates of the first, so their true KIDs are equal.

    Their seeds differ little, so the images decide. benchmarks/simulations/crossed_errors.py has real features.
    """
    generator, draws, covered, covered_by_seeds = torch.Generator().manual_seed(0), 200, 0, 0
    for _ in range(draws):
        sources, real = torch.randn(50, 2, generator=generator), torch.randn(50, 2, generator=generator)
        first, second = (
            [row_sums(2 * x + 1 + 0.004 * torch.randn(1, generator=generator), real) for _ in range(count)]
            for x in (sources, sources.flip(1))
        )
        claim = crossed.compare(first, second)
        by_seeds = seeds.compare([unbiased(x) for x in first], [unbiased(x) for x in second])
        assert claim is not None and by_seeds.low is not None and by_seeds.high is not None
        covered += claim.low <= 0 <= claim.high
        covered_by_seeds += by_seeds.low <= 0 <= by_seeds.high
    assert covered / draws >= 0.93 and covered_by_seeds / draws < 0.85
