"""The gradients of a phase: computed, measured and scaled, whole or in factors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ugbench.errors import UgbenchError
from ugbench.nn.factored_linear import FactoredGradient, FactoredLinear, collected_terms
from ugbench.training.method_lines import calling_line

Gradient = Tensor | FactoredGradient


def gradients_of(
    total: Tensor,
    parameters: Sequence[nn.Parameter],
    factored: Iterable[FactoredLinear],
    phase: str,
    keep_graph: bool = False,
) -> dict[nn.Parameter, Gradient]:
    """The gradient of each parameter that a phase's total loss depends on, in the order of the parameters.

    Args:
        factored: layers whose gradients stay in factors. If the loss uses such a weight also outside of the forward
            pass of its layer, its gradient is whole.
        keep_graph: another backward pass may follow.
    Raises:
        UgbenchError: the loss depends on none of the parameters, or needs a graph that an earlier phase has freed, or
            weights that it has updated.
    """
    nothing = f"no loss term of the phase '{phase}' depends on parameters of {phase}."
    if not total.requires_grad:
        raise UgbenchError(f"{calling_line()}: {nothing}")
    with collected_terms(factored) as terms:
        whole = _whole_gradients(total, parameters, phase, keep_graph)
    gradients: dict[nn.Parameter, Gradient] = {}
    for parameter, gradient in zip(parameters, whole, strict=True):
        if not terms.get(parameter):
            if gradient is not None:
                gradients[parameter] = with_strides_of(parameter, gradient)
            continue
        in_factors = FactoredGradient.of(terms.pop(parameter))
        gradients[parameter] = in_factors if gradient is None else in_factors.dense().add_(gradient)
    if not gradients:
        raise UgbenchError(f"{calling_line()}: {nothing}")
    return gradients


def norms_of(gradients: Collection[Gradient]) -> list[Tensor]:
    """The 2-norm of each gradient, a scalar."""
    whole = [gradient for gradient in gradients if isinstance(gradient, Tensor)]
    norms = list(torch._foreach_norm(whole)) if whole else []
    return norms + [gradient.norm() for gradient in gradients if isinstance(gradient, FactoredGradient)]


def scaled(gradients: Mapping[nn.Parameter, Gradient], factor: Tensor) -> dict[nn.Parameter, Gradient]:
    """The gradients times a scalar; whole ones are changed in place."""
    whole = [gradient for gradient in gradients.values() if isinstance(gradient, Tensor)]
    if whole:
        torch._foreach_mul_(whole, factor)
    return {
        parameter: gradient.scaled(factor) if isinstance(gradient, FactoredGradient) else gradient
        for parameter, gradient in gradients.items()
    }


def _whole_gradients(
    total: Tensor, parameters: Sequence[nn.Parameter], phase: str, keep_graph: bool
) -> tuple[Tensor | None, ...]:
    """What autograd computes; None for a parameter that the total does not depend on, or that is factored."""
    try:
        return torch.autograd.grad(total, parameters, retain_graph=keep_graph, allow_unused=True)
    except RuntimeError as error:
        if "modified by an inplace operation" in str(error):
            reason = "needs gradients through weights that an earlier phase of this step has updated"
        elif "backward through the graph a second time" in str(error):
            reason = "needs gradients through what an earlier phase of this step has already gone back through"
        else:
            raise
        raise UgbenchError(
            f"{calling_line()}: the phase '{phase}' {reason}; compute its losses anew after that phase, or detach what "
            "both phases share in one of them."
        ) from None


def with_strides_of(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the strides of its parameter, because fused optimizers assume them without a check."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
