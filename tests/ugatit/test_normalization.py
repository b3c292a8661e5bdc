"""AdaLIN's formula by hand, the norms of the ablations against PyTorch's, and the bounds of rho."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ugatit.normalization import AdaLIN, GroupInstanceNorm, clip_rho, make_rho_norm

EPS = 1e-5


def make(second="layer", rho=0.3, *, channels=6, learn_rho=True, affine=True, variance="unbiased") -> AdaLIN:
    norm = make_rho_norm(second, channels, rho, learn_rho=learn_rho, affine=affine, variance=variance)
    return norm.double()


@pytest.fixture
def x() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 6, 4, 5, dtype=torch.float64) * 3 + 1


def test_adalin_by_hand():
    # One sample, two channels of two pixels: (1, 3) and (5, 9).
    pixels = torch.tensor([[[[1.0, 3.0]], [[5.0, 9.0]]]], dtype=torch.float64)
    norm = make(channels=2, affine=False)
    norm.rho.data = torch.tensor([0.25, 1.0], dtype=torch.float64)
    gamma = torch.tensor([[2.0, -1.0]], dtype=torch.float64)
    beta = torch.tensor([[0.5, 10.0]], dtype=torch.float64)
    # Instance: means 2 and 7, unbiased variances 2 and 8. Layer: mean 4.5, unbiased variance 35 / 3.
    instance = [(1 - 2) / (2 + EPS) ** 0.5, (3 - 2) / (2 + EPS) ** 0.5]
    layer = [(1 - 4.5) / (35 / 3 + EPS) ** 0.5, (3 - 4.5) / (35 / 3 + EPS) ** 0.5]
    first = [2 * (0.25 * i + 0.75 * n) + 0.5 for i, n in zip(instance, layer, strict=True)]
    second = [-(5 - 7) / (8 + EPS) ** 0.5 + 10, -(9 - 7) / (8 + EPS) ** 0.5 + 10]
    expected = torch.tensor([[[first], [second]]], dtype=torch.float64)
    torch.testing.assert_close(norm(pixels, (gamma, beta)), expected, atol=1e-12, rtol=0)


def test_biased_variances_are_divided_by_the_count():
    pixels = torch.tensor([[[[1.0, 3.0]]]], dtype=torch.float64)
    normalized = make(channels=1, rho=1.0, variance="biased")(pixels)
    assert normalized.flatten().tolist() == pytest.approx([-1 / (1 + EPS) ** 0.5, 1 / (1 + EPS) ** 0.5])


@pytest.mark.parametrize(
    ("second", "rho", "torch_norm"),
    [
        ("layer", 1.0, lambda x: F.instance_norm(x)),
        ("layer", 0.0, lambda x: F.layer_norm(x, x.shape[1:])),
        ("group", 0.0, lambda x: F.group_norm(x, 6)),
        ("group", 1.0, lambda x: F.instance_norm(x)),
        ("batch", 1.0, lambda x: F.instance_norm(x)),
        ("batch", 0.0, lambda x: F.batch_norm(x, None, None, training=True)),
    ],
)
@pytest.mark.parametrize("learn_rho", [True, False])
def test_at_the_ends_of_rho_a_norm_is_one_of_torchs_norms(x, second, rho, torch_norm, learn_rho):
    norm = make(second, rho, learn_rho=learn_rho, variance="biased")
    torch.testing.assert_close(norm(x), torch_norm(x), atol=1e-12, rtol=0)
    assert (norm.rho is not None) == learn_rho


@pytest.mark.parametrize("learn_rho", [True, False])
def test_group_instance_norm_with_three_groups_and_rho_0_is_torchs_group_norm(x, learn_rho):
    norm = GroupInstanceNorm(6, 0.0, learn_rho=learn_rho, affine=True, variance="biased", groups=3).double()
    torch.testing.assert_close(norm(x), F.group_norm(x, 3), atol=1e-12, rtol=0)
    assert (norm.rho is not None) == learn_rho


def test_own_gamma_and_beta_start_as_one_and_zero_and_scale_and_shift(x):
    norm = make()
    plain = norm(x)
    norm.gamma.data.fill_(2.0)
    norm.beta.data.fill_(-1.0)
    torch.testing.assert_close(norm(x), 2 * plain - 1, atol=1e-12, rtol=0)


def test_a_norm_without_gamma_and_beta_must_be_given_them(x):
    with pytest.raises(ValueError, match="none were given"):
        make(affine=False)(x)


@pytest.mark.parametrize(("channels", "groups"), [(64, 32), (256, 32), (48, 24), (16, 16), (6, 6), (7, 7), (37, 1)])
def test_groups_are_32_or_the_largest_divisor_below(channels, groups):
    assert make("group", channels=channels).groups == groups


def test_rho_is_clipped_to_its_bounds_and_no_further():
    norm = make(channels=4)
    norm.rho.data = torch.tensor([-0.5, 0.25, 1.0, 1.5], dtype=torch.float64)
    clip_rho(norm.rho)
    assert norm.rho.tolist() == [0.0, 0.25, 1.0, 1.0]
    assert norm.rho.requires_grad


def test_nested_variances_are_for_layer_norm_only():
    for second in ("group", "batch"):
        with pytest.raises(ValueError, match="nested"):
            make(second, variance="nested")


@pytest.mark.parametrize("training", [True, False])
def test_batch_instance_norm_with_rho_fixed_at_1_leaves_the_running_statistics(x, training):
    norm = make("batch", 1.0, learn_rho=False).train(training)
    norm(x)
    assert not norm.running_mean.any()
    assert (norm.running_variance == 1).all()


def test_the_gradient_reaches_x_rho_gamma_and_beta(x):
    norm = make("layer")
    inputs = (x.requires_grad_(), norm.rho, norm.gamma, norm.beta)
    torch.autograd.gradcheck(lambda x, *_: norm(x), inputs)


def test_batch_norm_keeps_the_running_statistics_that_torchs_keeps(x):
    ours, theirs = make("batch", 0.0), torch.nn.BatchNorm2d(6).double()
    for scale in (1, 2, 3):
        ours(x * scale)
        theirs(x * scale)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean, atol=1e-12, rtol=0)
    torch.testing.assert_close(ours.running_variance, theirs.running_var, atol=1e-12, rtol=0)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), atol=1e-12, rtol=0)


def test_batch_norm_in_eval_mode_treats_each_sample_alone_and_changes_nothing(x):
    norm = make("batch", 0.4)
    norm(x)
    norm.eval()
    before = norm.running_mean.clone()
    torch.testing.assert_close(norm(x)[:1], norm(x[:1]), atol=1e-14, rtol=0)
    assert torch.equal(norm.running_mean, before)
