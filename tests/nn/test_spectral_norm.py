"""Spectral norm without a copy of the weight has the output, gradient and power iterations of PyTorch's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from ugbench.nn.spectral_norm import SpectralConv2d, SpectralLinear, spectral_norms

MAKERS = {
    "conv": (lambda: SpectralConv2d(3, 5, 4, 2), lambda: nn.Conv2d(3, 5, 4, 2), (2, 3, 9, 9)),
    "conv without bias": (
        lambda: SpectralConv2d(3, 1, 4, bias=False),
        lambda: nn.Conv2d(3, 1, 4, bias=False),
        (2, 3, 9, 9),
    ),
    "linear": (lambda: SpectralLinear(6, 4), lambda: nn.Linear(6, 4), (2, 6)),
    "linear without bias": (
        lambda: SpectralLinear(6, 1, bias=False),
        lambda: nn.Linear(6, 1, bias=False),
        (2, 6),
    ),
}


@pytest.fixture(params=MAKERS)
def pair(request):
    """A layer of ours, torch's with the same weight, u and v, and an input; float64."""
    torch.manual_seed(0)
    make, make_plain, shape = MAKERS[request.param]
    ours, theirs = make().double(), make_plain().double()
    theirs.load_state_dict({k: v for k, v in ours.state_dict().items() if k in ("weight", "bias")})
    theirs = nn.utils.spectral_norm(theirs, n_power_iterations=1, eps=1e-12)
    theirs.weight_u.copy_(ours.u)
    theirs.weight_v.copy_(ours.v)
    return ours, theirs, torch.randn(shape, dtype=torch.float64, requires_grad=True)


def test_three_training_passes_equal_torchs_in_value_gradient_and_vectors(pair):
    ours, theirs, x = pair
    for _ in range(3):
        output, expected = ours(x), theirs(x)
        torch.testing.assert_close(output, expected, atol=1e-12, rtol=0)
        torch.testing.assert_close((ours.u, ours.v), (theirs.weight_u, theirs.weight_v), atol=1e-12, rtol=0)
        gradient = torch.randn_like(output)
        parameters = [ours.weight] + ([] if ours.bias is None else [ours.bias])
        originals = [theirs.weight_orig] + ([] if ours.bias is None else [theirs.bias])
        torch.testing.assert_close(
            torch.autograd.grad(output, [x, *parameters], gradient),
            torch.autograd.grad(expected, [x, *originals], gradient),
            atol=1e-12,
            rtol=0,
        )


def test_in_eval_mode_the_stored_vectors_serve_and_stay(pair):
    ours, theirs, x = pair
    ours(x), theirs(x)
    ours.eval(), theirs.eval()
    before = ours.u.clone(), ours.v.clone()
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-12, rtol=0)
    assert torch.equal(ours.u, before[0])
    assert torch.equal(ours.v, before[1])


def test_after_many_iterations_sigma_is_the_largest_singular_value():
    layer = SpectralLinear(7, 5).double()
    for _ in range(500):
        sigma = layer.sigma()
    assert sigma.item() == pytest.approx(torch.linalg.matrix_norm(layer.weight.detach(), 2).item(), abs=1e-9)


def test_a_later_pass_leaves_the_gradient_of_an_earlier_one_as_it_was():
    layer, x = SpectralLinear(6, 4).double(), torch.randn(2, 6, dtype=torch.float64)
    state = {k: v.clone() for k, v in layer.state_dict().items()}
    expected = torch.autograd.grad(layer(x).square().sum(), layer.weight)[0]
    layer.load_state_dict(state)
    early = layer(x)
    layer(x)
    torch.testing.assert_close(torch.autograd.grad(early.square().sum(), layer.weight)[0], expected)


def test_a_frozen_weight_still_iterates_and_passes_gradient_to_the_input():
    layer = SpectralConv2d(3, 4, 3).requires_grad_(False)
    before = layer.u.clone()
    x = torch.randn(1, 3, 5, 5, requires_grad=True)
    out = layer(x)
    assert not layer.sigma().requires_grad
    assert torch.autograd.grad(out.sum(), x)[0].abs().sum() > 0
    assert not torch.equal(layer.u, before)


def test_the_iteration_stays_in_float32_under_autocast():
    torch.manual_seed(0)
    layer, x = SpectralLinear(64, 32), torch.randn(2, 64)
    state = {k: v.clone() for k, v in layer.state_dict().items()}
    sigma = layer.sigma()
    layer.load_state_dict(state)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer.sigma(), sigma)
        assert layer(x).dtype == torch.bfloat16


def test_the_vectors_are_unit_buffers_beside_the_weight():
    layer = SpectralConv2d(3, 4, 3)
    assert set(layer.state_dict()) == {"weight", "bias", "u", "v"}
    assert (layer.u.shape, layer.v.shape) == ((4,), (27,))
    torch.testing.assert_close(torch.stack([layer.u.norm(), layer.v.norm()]), torch.ones(2))


def test_a_pass_syncs_with_no_host():
    with FakeTensorMode():
        assert SpectralConv2d(3, 4, 4, 2)(torch.zeros(1, 3, 8, 8)).shape == (1, 4, 3, 3)


def test_norms_of_several_layers_at_once_are_those_of_each_layer_alone():
    torch.manual_seed(0)
    layers = [SpectralConv2d(3, 5, 4).double(), SpectralLinear(6, 4).double(), SpectralLinear(6, 1).double()]
    alone = copy.deepcopy(layers)
    for _ in range(3):
        sigmas, expected = spectral_norms(layers), [layer.sigma() for layer in alone]
        torch.testing.assert_close(sigmas, tuple(expected), atol=1e-12, rtol=0)
        for layer, other in zip(layers, alone, strict=True):
            torch.testing.assert_close((layer.u, layer.v), (other.u, other.v), atol=1e-12, rtol=0)
        torch.testing.assert_close(
            torch.autograd.grad(sum(sigmas), [layer.weight for layer in layers]),
            torch.autograd.grad(sum(expected), [layer.weight for layer in alone]),
            atol=1e-12,
            rtol=0,
        )
    for layer, other in zip(layers, alone, strict=True):
        layer.eval(), other.eval()
    torch.testing.assert_close(spectral_norms(layers), tuple(layer.sigma() for layer in alone), atol=1e-12, rtol=0)


def test_a_layer_that_is_given_its_norm_makes_no_iteration_of_its_own():
    layer, x = SpectralConv2d(3, 4, 3), torch.randn(1, 3, 5, 5)
    (sigma,) = spectral_norms([layer])
    u = layer.u.clone()
    output = layer(x, sigma)
    assert layer.u.equal(u)
    torch.testing.assert_close(output, nn.functional.conv2d(x, layer.weight / sigma) + layer.bias.view(-1, 1, 1))


def test_several_layers_at_once_take_fewer_operations():
    layers = [SpectralConv2d(3, 5, 4) for _ in range(8)]
    with Counted() as alone:
        for layer in layers:
            layer.sigma()
    with Counted() as together:
        spectral_norms(layers)
    assert 2 * together.operations < alone.operations


class Counted(TorchDispatchMode):
    """Counts the operations that run inside and compute something; views are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.operations += not func.is_view
        return func(*args, **(kwargs or {}))
