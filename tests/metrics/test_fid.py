import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from ugbench.errors import UgbenchError, UsageError
from ugbench.metrics import _moments, fid
from ugbench.metrics._moments import moments_of


def with_moments(n: int, mean: np.ndarray, covariance: np.ndarray, seed: int) -> torch.Tensor:
    """Draws whose sample mean and sample covariance are exactly these."""
    x = np.random.default_rng(seed).standard_normal((n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return torch.from_numpy(x @ np.linalg.cholesky(covariance).T + mean)


def test_fid_of_two_gaussians_with_commuting_covariances_is_the_closed_form() -> None:
    mean, other = np.array([1.0, 0.0, -2.0]), np.array([0.0, 0.5, -1.0])
    spread, wider = np.array([1.0, 4.0, 0.25]), np.array([9.0, 1.0, 0.25])
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    fake = with_moments(500, mean, rotation @ np.diag(spread) @ rotation.T, 2)
    real = with_moments(400, other, rotation @ np.diag(wider) @ rotation.T, 3)
    # |m1 - m2|^2 + sum (s1 - s2)^2 over standard deviations: 2.25 + (1-3)^2 + (2-1)^2 + 0.
    assert fid.compute(fake, real).value == pytest.approx(7.25, abs=1e-8)


def test_fid_of_general_covariances_is_the_trace_formula() -> None:
    a = np.array([[2.0, 0.6], [0.6, 1.0]])
    b = np.array([[1.0, -0.4], [-0.4, 3.0]])
    fake, real = with_moments(50, np.zeros(2), a, 4), with_moments(50, np.zeros(2), b, 5)
    # For 2 x 2 matrices tr sqrt(AB) = sqrt(tr(AB) + 2 sqrt(det AB)).
    product = a @ b
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    assert fid.compute(fake, real).value == pytest.approx(np.trace(a) + np.trace(b) - 2 * root, abs=1e-8)


def test_fid_is_torch_fidelitys_with_the_real_set_first_even_at_deficient_rank() -> None:
    generator = torch.Generator().manual_seed(0)
    fake, real = torch.rand(20, 48, generator=generator), 1.1 * torch.rand(30, 48, generator=generator)
    found = fid_statistics_to_metric(fid_features_to_statistics(real), fid_features_to_statistics(fake), verbose=False)
    assert fid.compute(fake, real).value == found[KEY_METRIC_FID]


@pytest.mark.parametrize(("n", "d"), [(20, 48), (700, 30)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_moments_are_torch_fidelitys_to_the_bit_in_one_block_and_to_rounding_in_several(
    n: int, d: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = torch.rand(n, d, generator=torch.Generator().manual_seed(0), dtype=dtype) ** 2 + 3
    theirs = fid_features_to_statistics(features)
    for name, own in vars(moments_of(features)).items():
        assert own.dtype == theirs[name].dtype and (own == theirs[name]).all()
    monkeypatch.setattr(_moments, "BLOCK", 9)
    for name, own in vars(moments_of(features)).items():
        np.testing.assert_allclose(own, theirs[name], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("n", "m", "warned"), [(2048, 2048, False), (2047, 2048, True), (2048, 100, True)])
def test_fid_warns_under_2048_images_and_gives_no_interval(n: int, m: int, warned: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    score = fid.compute(torch.rand(n, 4, generator=generator), torch.rand(m, 4, generator=generator))
    assert (score.warning is not None) == warned
    assert not warned or f"{n} against {m}" in str(score.warning)
    assert (score.se, score.low, score.high) == (None, None, None)


def test_fid_against_stored_moments_is_that_against_the_features_and_says_that_their_number_is_not_known() -> None:
    generator = torch.Generator().manual_seed(0)
    fake, real = torch.rand(30, 8, generator=generator), 1.1 * torch.rand(40, 8, generator=generator)
    score = fid.compute(fake, moments_of(real))
    assert score.value == pytest.approx(fid.compute(fake, real).value, abs=1e-5)
    assert score.warning is not None and "of 30 images against statistics of an unknown number" in score.warning
    with pytest.raises(UsageError, match="8 dimensions and the statistics are of 5; name the --extractor"):
        fid.compute(fake, moments_of(real[:, :5]))
    with pytest.raises(UsageError, match="at least 2 per set"):
        fid.compute(fake[:1], moments_of(real))


def test_features_that_cannot_be_compared_are_refused() -> None:
    good = torch.rand(5, 4)
    with pytest.raises(UsageError, match="at least 2 per set"):
        fid.compute(good[:1], good)
    with pytest.raises(UsageError, match="one extractor"):
        fid.compute(good, torch.rand(5, 3))
    with pytest.raises(UgbenchError, match="fake features hold NaN"):
        fid.compute(torch.full((5, 4), float("nan")), good)
