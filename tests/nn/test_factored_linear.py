"""A factored linear layer computes what nn.Linear does, and its factors are the gradient of its weight."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from ugbench.nn.factored_linear import FactoredGradient, FactoredLinear, collected_terms


def twins(bias: bool = True) -> tuple[FactoredLinear, nn.Linear]:
    """A factored and a plain layer from 7 to 5 features with equal weights, in float64."""
    torch.manual_seed(0)
    plain = nn.Linear(7, 5, bias=bias).double()
    factored = FactoredLinear(7, 5, bias=bias).double()
    factored.load_state_dict(plain.state_dict())
    return factored, plain


def inputs(*shape: int) -> Tensor:
    return torch.rand(*shape, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()


def two_passes(layer: nn.Module, x: Tensor) -> Tensor:
    """A scalar that depends on the layer by two forward passes, with other gradients at each output."""
    return layer(x).sin().sum() + layer(x.square()).square().sum()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (2, 3), ()])
def test_its_outputs_and_gradients_are_those_of_a_linear_layer(bias: bool, shape: tuple[int, ...]) -> None:
    factored, plain = twins(bias)
    x = inputs(*shape)
    torch.testing.assert_close(factored(x), plain(x))
    gradients, expected = (
        torch.autograd.grad(two_passes(layer, x), [x, *layer.parameters()]) for layer in (factored, plain)
    )
    torch.testing.assert_close(gradients, expected)


def test_collected_terms_are_the_gradient_and_autograd_forms_none() -> None:
    factored, plain = twins()
    x = inputs(3)
    with collected_terms([factored]) as terms:
        weight_gradient, x_gradient = torch.autograd.grad(
            two_passes(factored, x), [factored.weight, x], allow_unused=True
        )
    expected = torch.autograd.grad(two_passes(plain, x), [plain.weight, x])
    assert weight_gradient is None
    torch.testing.assert_close(x_gradient, expected[1])
    gradient = FactoredGradient.of(terms[factored.weight])
    assert (gradient.outputs.shape, gradient.inputs.shape) == ((6, 5), (6, 7))
    torch.testing.assert_close(gradient.dense(), expected[0])


def test_layers_that_share_a_weight_collect_into_one_gradient() -> None:
    factored, plain = twins()
    other = FactoredLinear(7, 5).double()
    other.weight = factored.weight
    x = inputs(3)
    with collected_terms([factored, other]) as terms:
        torch.autograd.grad(factored(x).sum() + other(2 * x).sum(), [factored.weight], allow_unused=True)
    (expected,) = torch.autograd.grad(plain(x).sum() + plain(2 * x).sum(), [plain.weight])
    torch.testing.assert_close(FactoredGradient.of(terms[factored.weight]).dense(), expected)


def test_after_the_block_or_an_error_in_it_gradients_are_formed_again() -> None:
    factored, plain = twins()
    with pytest.raises(ZeroDivisionError), collected_terms([factored]):
        raise ZeroDivisionError
    x = inputs(3)
    gradients, expected = (torch.autograd.grad(layer(x).sum(), [layer.weight]) for layer in (factored, plain))
    torch.testing.assert_close(gradients, expected)


def test_second_derivatives_are_those_of_a_linear_layer() -> None:
    results = []
    for layer in twins():
        x = inputs(3)
        (slope,) = torch.autograd.grad(layer(x).sin().sum(), [x], create_graph=True)
        results.append(torch.autograd.grad(slope.square().sum(), [x, layer.weight]))
    torch.testing.assert_close(results[0], results[1])


def test_a_backward_pass_with_a_changed_weight_is_refused() -> None:
    factored, _ = twins()
    out = factored(inputs(3)).sum()
    with torch.no_grad():
        factored.weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_rows_norm_and_scaling_are_those_of_the_whole_gradient() -> None:
    random = torch.Generator().manual_seed(2)
    gradient = FactoredGradient(torch.randn(4, 5, generator=random), torch.randn(4, 7, generator=random))
    whole = gradient.outputs.t() @ gradient.inputs
    torch.testing.assert_close(gradient.rows(slice(1, 4)), whole[1:4])
    torch.testing.assert_close(gradient.norm(), whole.norm())
    torch.testing.assert_close(gradient.scaled(torch.tensor(0.3)).dense(), 0.3 * whole)


def test_the_norm_of_samples_that_cancel_each_other_is_a_number() -> None:
    for seed in range(20):
        g, x = torch.randn(2, 1, 50, generator=torch.Generator().manual_seed(seed)).unbind()
        norm = FactoredGradient(torch.cat((g, g, -2 * g)), torch.cat((3 * x, 0.1 * x, 1.55 * x))).norm()
        assert 0 <= norm < 0.1 * g.norm() * x.norm()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("factor", ["outputs", "inputs"])
def test_the_norm_is_not_finite_if_a_factor_is_not(bad: float, factor: str) -> None:
    factors = {"outputs": torch.zeros(2, 5), "inputs": torch.zeros(2, 7)}
    factors[factor][1, 3] = bad
    assert not torch.isfinite(FactoredGradient(**factors).norm())


def test_in_training_it_computes_in_the_type_of_its_weight_under_autocast() -> None:
    factored, plain = (layer.float() for layer in twins())
    x = inputs(3).detach().bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = factored(x)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, plain(x.float()))
    with collected_terms([factored]) as terms:
        (gradient,) = torch.autograd.grad(out.sum(), [x])
    assert gradient.dtype == torch.bfloat16
    (term,) = terms[factored.weight]
    assert [factor.dtype for factor in term] == [torch.float32, torch.bfloat16]


def test_outside_of_training_it_is_a_linear_layer_under_autocast_too() -> None:
    factored, plain = (layer.float().eval() for layer in twins())
    x = inputs(3).detach().float()
    with torch.autocast("cpu", torch.bfloat16):
        assert factored(x).equal(plain(x))
        assert factored(x).dtype == torch.bfloat16


def test_a_copy_that_needs_no_gradients_computes_the_same() -> None:
    factored, plain = twins()
    average = copy.deepcopy(factored).requires_grad_(False)
    x = inputs(3)
    torch.testing.assert_close(torch.autograd.grad(average(x).sum(), [x]), torch.autograd.grad(plain(x).sum(), [x]))
