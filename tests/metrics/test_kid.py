import math
from typing import Any

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from ugbench.errors import UsageError
from ugbench.metrics import _kernel, kid


def sets(n: int, m: int, d: int = 16, shift: float = 0.3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    fake = torch.rand(n, d, generator=generator) + shift * torch.rand(d, generator=generator)
    return fake, torch.rand(m, d, generator=generator)


def naive(fake: torch.Tensor, real: torch.Tensor) -> float:
    """The U-statistic by a double loop over single kernel values."""

    def k(x: torch.Tensor, y: torch.Tensor) -> float:
        return (sum(a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)) / len(x) + 1) ** 3

    n, m = len(fake), len(real)
    within_fake = sum(k(fake[i], fake[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_real = sum(k(real[i], real[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_fake + within_real - 2 * sum(k(x, y) for x in fake for y in real) / (n * m)


def torch_fidelity(first: torch.Tensor, second: torch.Tensor, size: int, count: int, seed: int) -> float:
    found = kid_features_to_metric(first, second, kid_subset_size=size, kid_subsets=count, rng_seed=seed, verbose=False)
    return float(found[KEY_METRIC_KID_MEAN])


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernel, "BLOCK", 7)
    monkeypatch.setattr(_kernel, "GROUPED_BLOCK", 7)
    monkeypatch.setattr(_kernel, "SMALLEST", 2)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("n", "m"), [(2, 2), (13, 13), (9, 22), (21, 8)])
def test_kid_equals_a_double_loop_at_equal_and_unequal_sizes(n: int, m: int) -> None:
    fake, real = sets(n, m)
    assert kid.compute(fake, real).value == pytest.approx(naive(fake, real), abs=1e-12)


@pytest.mark.usefixtures("small_blocks")
def test_the_squared_distance_counts_each_image_with_itself_and_is_near_its_spread_over_draws() -> None:
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(400):
        fake = torch.rand(30, 16, generator=generator, dtype=torch.float64) + 0.3
        real = torch.rand(40, 16, generator=generator, dtype=torch.float64)
        own = (_kernel.self_kernels(fake), _kernel.self_kernels(real))
        found.append([float(x) for x in _kernel.squared_distance(_kernel.row_sums(fake, real), *own)])
        parts = [((a @ b.T / 16 + 1) ** 3).mean() for a, b in ((fake, fake), (real, real), (fake, real))]
        assert found[-1][0] == pytest.approx(float(parts[0] + parts[1] - 2 * parts[2]), abs=1e-12)
    values, ses = np.array(found).T
    assert ses.mean() == pytest.approx(values.std(ddof=1), rel=0.1)


@pytest.mark.usefixtures("small_blocks")
def test_each_image_contributes_its_own_terms_and_their_mean_is_kid() -> None:
    fake, real = sets(9, 14)

    def k(x: torch.Tensor, y: torch.Tensor) -> float:
        return float((x.double() @ y.double() / len(x) + 1) ** 3)

    score = kid.compute(fake, real)
    assert score.each is not None and len(score.each) == 9
    assert sum(score.each) / 9 == pytest.approx(score.value, abs=1e-12)
    others = sum(k(fake[4], fake[j]) for j in range(9) if j != 4) / 8
    theirs = sum(k(real[i], real[j]) for i in range(14) for j in range(14) if i != j) / (14 * 13)
    assert score.each[4] == pytest.approx(others - 2 * sum(k(fake[4], y) for y in real) / 14 + theirs, abs=1e-12)


def test_an_image_unlike_the_references_contributes_more_than_one_of_them() -> None:
    fake, real = sets(20, 30, shift=0.0)
    fake[3], fake[7] = real.mean(0), -real.mean(0)
    each = kid.compute(fake, real).each
    assert each is not None and max(each) == each[7] > 0 > each[3]


def test_estimates_over_subsets_and_blocks_are_no_mean_over_images() -> None:
    fake, real = sets(30, 30)
    assert kid.compute(fake, real, subset_size=10, subsets=3).each is None
    assert kid.compute(fake, real, estimator="blocks", block_size=10).each is None


def test_one_subset_of_everything_is_the_full_statistic_and_torch_fidelitys() -> None:
    fake, real = sets(60, 60)
    full = kid.compute(fake, real).value
    assert full == pytest.approx(torch_fidelity(real, fake, 60, 1, 0), abs=1e-6)
    assert kid.compute(fake, real, subset_size=60, subsets=1).value == pytest.approx(full, abs=1e-12)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("size", "count"), [(10, 3), (20, 60)], ids=["subset by subset", "one pass"])
@pytest.mark.parametrize(("n", "m"), [(50, 50), (31, 64)])
def test_kid_over_subsets_is_torch_fidelitys_with_the_real_set_first(n: int, m: int, size: int, count: int) -> None:
    fake, real = sets(n, m, d=64)
    value = kid.compute(fake, real, subset_size=size, subsets=count, seed=7).value
    assert value == pytest.approx(torch_fidelity(real, fake, size, count, 7), abs=1e-6)
    if n != m:
        assert value != pytest.approx(torch_fidelity(fake, real, size, count, 7), abs=1e-6)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 1e-7)])
def test_both_ways_over_subsets_agree(dtype: torch.dtype, close: float) -> None:
    fake, real = (features.to(dtype) for features in sets(40, 30))
    picks = [torch.stack([torch.randperm(n)[:12] for _ in range(20)]) for n in (40, 30)]
    in_one_pass = _kernel.subset_values(fake, real, *picks)
    singly = torch.cat(
        [_kernel.subset_values(fake, real, one[None], other[None]) for one, other in zip(*picks, strict=True)]
    )
    torch.testing.assert_close(in_one_pass, singly, rtol=0, atol=close)


def test_one_pass_in_float32_keeps_a_small_kid_of_features_far_from_zero() -> None:
    generator = torch.Generator().manual_seed(1)
    fake, real = (3 + 0.3 * torch.randn(400, 64, generator=generator) for _ in range(2))
    picks = torch.stack([torch.randperm(400, generator=generator)[:200] for _ in range(20)])
    exact = _kernel.subset_values(fake.double(), real.double(), picks, picks)
    found = _kernel.subset_values(fake, real, picks, picks)
    # Kernel values are about 1,000 here: in plain float32 the estimates would be 4e-5 off.
    assert 0.01 < exact.abs().max() < 1
    torch.testing.assert_close(found, exact, rtol=0, atol=4e-6)


def test_torch_fidelitys_estimator_is_that_packages_own_to_the_bit() -> None:
    fake, real = sets(50, 50)
    value = kid.compute(fake, real, estimator="torch-fidelity", subset_size=20, subsets=5).value
    assert value == torch_fidelity(real, fake, 20, 5, 2020)


@pytest.mark.usefixtures("small_blocks")
def test_standard_error_is_the_delete_one_jackknife_by_refitting() -> None:
    fake, real = sets(15, 10)

    def part(without: list[float]) -> float:
        values = np.array(without)
        return float((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum())

    def left(x: torch.Tensor, i: int) -> torch.Tensor:
        return torch.cat([x[:i], x[i + 1 :]])

    no_fake = [kid.compute(left(fake, i), real).value for i in range(15)]
    no_real = [kid.compute(fake, left(real, j)).value for j in range(10)]
    score = kid.compute(fake, real)
    assert score.se == pytest.approx(math.sqrt(part(no_fake) + part(no_real)), rel=1e-9)


@pytest.mark.parametrize(("n", "m", "has"), [(50, 51, True), (49, 60, False), (60, 49, False)])
def test_there_is_an_interval_from_fifty_images_a_side(n: int, m: int, has: bool) -> None:
    score = kid.compute(*sets(n, m))
    assert (score.low is not None, score.high is not None) == (has, has)


def test_the_ends_of_the_interval_are_the_values_that_a_test_just_does_not_reject() -> None:
    fake, real = sets(50, 60, shift=0.1)
    score = kid.compute(fake, real)
    x, y = fake.double(), real.double()

    def mean_kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(((a @ b.T / 16 + 1) ** 3).mean())

    distance = mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y)
    kernel = (torch.cat([x, y]) @ torch.cat([x, y]).T / 16 + 1) ** 3
    witness = kernel[:, :50].mean(1) - kernel[:, 50:].mean(1)
    se = 2 * math.sqrt(float(witness[:50].var() / 50 + witness[50:].var() / 60))
    assert score.low is not None and score.high is not None
    for end in (score.low, score.high):
        # If KID were `end`, the expected squared distance would be larger by end - value.
        se_there = se * math.sqrt((distance + end - score.value) / distance)
        # Student's 0.975 quantile with 49 degrees.
        assert abs(end - score.value) == pytest.approx(2.00958 * se_there, rel=1e-5)
    assert score.high - score.value > 1.05 * (score.value - score.low) > 0


def test_equality_is_tested_only_within_five_standard_errors_of_zero() -> None:
    near, far = kid.compute(*sets(40, 40, shift=0.0)), kid.compute(*sets(40, 40, shift=0.6))
    assert near.se is not None and near.value < 5 * near.se
    assert near.p_value is not None and near.p_value > 0.05
    assert far.se is not None and far.value > 5 * far.se
    assert far.p_value is None


def test_subsets_are_not_tested() -> None:
    assert kid.compute(*sets(40, 40, shift=0.0), subset_size=20, subsets=3).p_value is None


def test_standard_error_is_close_to_the_spread_over_draws() -> None:
    shift = torch.full((16,), 0.3)
    scores = []
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        fake = torch.rand(40, 16, generator=generator) + shift
        scores.append(kid.compute(fake, torch.rand(40, 16, generator=generator)))
    spread = np.std([score.value for score in scores], ddof=1)
    mean_se = np.mean([score.se for score in scores])
    assert mean_se == pytest.approx(spread, rel=0.15)


def test_random_subsets_have_no_standard_error() -> None:
    assert kid.compute(*sets(20, 20), subset_size=10, subsets=3).se is None


@pytest.mark.parametrize(("n", "m"), [(1, 5), (5, 1), (0, 5)])
def test_fewer_than_two_images_a_side_is_refused_in_words(n: int, m: int) -> None:
    with pytest.raises(UsageError, match="at least 2 per set"):
        kid.compute(*sets(n, m))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"subset_size": 11}, "--kid-subset-size 10 or less"),
        ({"subset_size": 1}, "at least 2"),
        ({"subset_size": 5, "subsets": 0}, "at least 1"),
        ({"subsets": 5}, "add --kid-subset-size"),
        ({"estimator": "biased"}, "unbiased, torch-fidelity"),
        ({"estimator": "torch-fidelity"}, "--kid-subset-size 10 or less"),
    ],
)
def test_settings_that_cannot_be_met_are_refused_with_the_mend(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kid.compute(*sets(10, 12), **settings)


def test_complete_fills_what_subsets_need_and_drops_what_is_moot() -> None:
    assert kid.complete(kid.METRIC.settings) == {"estimator": "unbiased"}
    assert kid.complete({"subset_size": 50}) == {
        "estimator": "unbiased",
        "subset_size": 50,
        "subsets": 100,
        "seed": 2020,
    }


def test_kernel_blocks_stay_small_however_many_images_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernel, "BLOCK", 64)
    shapes = []

    def watched(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        shapes.append((len(x), len(y)))
        return _kernel.cubic(x, y)

    _kernel.row_sums(*sets(500, 300), watched)
    assert max(max(shape) for shape in shapes) == 64
    # 36 blocks on and above the diagonal of 8 x 8, 15 of 5 x 5, and 8 x 5 between.
    assert len(shapes) == 36 + 15 + 40
