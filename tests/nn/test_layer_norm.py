"""Layer norm of images: its statistics by hand, independent samples, and constant inputs."""

from __future__ import annotations

import pytest
import torch

from ugbench.nn import layer_norm
from ugbench.nn.layer_norm import ImageLayerNorm


def test_a_sample_of_known_mean_and_unbiased_deviation_comes_out_by_hand():
    norm = ImageLayerNorm(2).double()
    with torch.no_grad():
        norm.gamma.copy_(torch.tensor([3.0, 5.0]))
        norm.beta.copy_(torch.tensor([0.5, -0.5]))
    # Mean 2; squares about it sum to 6, so the unbiased variance is 6 / 3 = 2.
    x = torch.tensor([[[[1.0, 2.0]], [[1.0, 4.0]]]], dtype=torch.float64)
    unit = 1 / (2**0.5 + 1e-5)
    expected = [[[[0.5 - 3 * unit, 0.5]], [[-0.5 - 5 * unit, -0.5 + 10 * unit]]]]
    torch.testing.assert_close(norm(x), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


def test_eps_is_added_to_the_deviation_and_not_under_the_root():
    norm = ImageLayerNorm(1).double()
    torch.nn.init.ones_(norm.gamma)
    x = torch.tensor([[[[-1e-5, 1e-5]]]], dtype=torch.float64)
    # The unbiased deviation is sqrt(2) 1e-5; under the root, eps would leave 0.003 of it.
    expected = 1 / (2**0.5 + 1)
    assert norm(x).flatten().tolist() == pytest.approx([-expected, expected], rel=1e-6)


def test_value_and_gradients_equal_the_plain_formula_whatever_the_batch():
    torch.manual_seed(0)
    norm = ImageLayerNorm(3).double()
    x = (torch.randn(4, 3, 5, 6, dtype=torch.float64) * 2 + 1).requires_grad_()
    flat = x.flatten(1)
    mean, std = (value.view(-1, 1, 1, 1) for value in (flat.mean(1), flat.std(1)))
    expected = norm.gamma.view(1, 3, 1, 1) * (x - mean) / (std + 1e-5) + norm.beta.view(1, 3, 1, 1)
    normalized = norm(x)
    torch.testing.assert_close(normalized, expected, rtol=0, atol=1e-12)
    wrt, slope = (x, norm.gamma, norm.beta), torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(normalized, wrt, slope), torch.autograd.grad(expected, wrt, slope), rtol=0, atol=1e-11
    )
    torch.testing.assert_close(norm(x[1:2]), normalized[1:2], rtol=0, atol=1e-12)


def test_gamma_starts_uniform_between_0_and_1_and_beta_from_0():
    torch.manual_seed(0)
    norm = ImageLayerNorm(4000)
    assert 0 <= norm.gamma.min() < 0.01 < 0.99 < norm.gamma.max() <= 1
    assert float(norm.gamma.detach().mean()) == pytest.approx(0.5, abs=0.02)
    assert not norm.beta.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.3, 3.0])
def test_a_constant_sample_gives_beta_and_finite_gradients(value, dtype):
    norm = ImageLayerNorm(2).to(dtype)
    torch.nn.init.constant_(norm.beta, 0.25)
    x = torch.full((2, 2, 4, 4), value, dtype=dtype, requires_grad=True)
    y = norm(x)
    torch.testing.assert_close(y, torch.full_like(y, 0.25), rtol=0, atol=0.05)
    y.square().sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("rounding", [0.0, -1e-12])
def test_a_variance_that_comes_out_as_nothing_or_less_gives_beta_and_finite_gradients(rounding, monkeypatch):
    def moments(x):
        return x.mean((2, 3), keepdim=True), x.square().mean((2, 3), keepdim=True) + rounding

    monkeypatch.setattr(layer_norm, "instance_moments", moments)
    norm = ImageLayerNorm(2)
    x = torch.zeros(1, 2, 4, 4, requires_grad=True)
    y = norm(x)
    assert not y.any()
    y.sum().backward()
    assert x.grad.isfinite().all()


def test_half_precision_comes_back_in_its_type_with_moments_in_float32():
    torch.manual_seed(0)
    norm = ImageLayerNorm(2)
    x = (torch.randn(1, 2, 64, 64) + 20).bfloat16()
    y = norm(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), norm(x.float()), rtol=0.01, atol=0.01)
