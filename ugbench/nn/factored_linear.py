"""A linear layer for inputs much wider than the batch: the gradient of its weight can be kept as two thin factors.

The gradient of a weight (out, in) is G^T X, with the gradient G (n, out) of the layer's outputs and its inputs X
(n, in). For n samples its rank is at most n. Where n is far below out and in, the factors are far smaller than the
gradient, and an optimizer can form the gradient one block of rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.autocasting import without_autocast

Term = tuple[Tensor, Tensor]
"""What one forward pass adds to a gradient: G (n, out) and X (n, in)."""


@dataclass(frozen=True)
class FactoredGradient:
    """The gradient G^T X of a weight (out, in).

    Attributes:
        outputs: G, (k, out), the gradients of the layer's outputs, where k samples went through the layer.
        inputs: X, (k, in), the inputs of these samples, in the type of `outputs`.
    """

    outputs: Tensor
    inputs: Tensor

    @classmethod
    def of(cls, terms: Iterable[Term]) -> FactoredGradient:
        """The sum of the terms of several forward passes."""
        outputs, inputs = zip(*terms, strict=True)
        return cls(torch.cat(outputs), torch.cat([x.to(g.dtype) for g, x in zip(outputs, inputs, strict=True)]))

    def rows(self, block: slice, out: Tensor | None = None) -> Tensor:
        """These rows of the gradient, (rows, in); written to `out` if it is given."""
        return torch.mm(self.outputs[:, block].t(), self.inputs, out=out)

    def dense(self) -> Tensor:
        """The whole gradient, (out, in)."""
        return self.rows(slice(None))

    def norm(self) -> Tensor:
        """The 2-norm over all elements, a scalar: the square root of the sum of (g_i . g_j) (x_i . x_j) over i and j.

        It is NaN or Inf if an element of a factor is, or if a product of two samples leaves the range of the type.
        """
        products = (self.outputs @ self.outputs.t()) * (self.inputs @ self.inputs.t())
        return products.sum().clamp(min=0).sqrt()  # samples that cancel each other may give less than 0 by rounding

    def scaled(self, factor: Tensor) -> FactoredGradient:
        """The gradient times a scalar."""
        return FactoredGradient(self.outputs * factor, self.inputs)


class FactoredLinear(nn.Linear):
    """nn.Linear whose backward pass forms no gradient of its weight within `collected_terms`, which gets its terms.

    Elsewhere it forms the gradient of its weight like nn.Linear, for second derivatives too. In training it computes in
    the type of its weight and not in that of autocast: reading the weight takes most of the time, so a copy of it in
    bfloat16 would cost more time than it saves.
    """

    terms: list[Term] | None = None

    def forward(self, input: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        weight = self.weight
        if not (self.training and torch.is_grad_enabled() and weight.requires_grad):
            return super().forward(input)
        with without_autocast(input):
            out: Tensor = _Product.apply(input, weight, self)
            return out if self.bias is None else out + self.bias


@contextmanager
def collected_terms(layers: Iterable[FactoredLinear]) -> Iterator[dict[Tensor, list[Term]]]:
    """Within the `with` block, backward passes collect the terms of these layers' weights and form no gradients.

    Yields:
        The terms of each weight, in the order of the backward pass.
    """
    layers = list(layers)
    terms: dict[Tensor, list[Term]] = {layer.weight: [] for layer in layers}
    for layer in layers:
        layer.terms = terms[layer.weight]
    try:
        yield terms
    finally:
        for layer in layers:
            layer.terms = None


class _Product(torch.autograd.Function):
    """input @ weight^T."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, layer: FactoredLinear) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.layer = layer
        return F.linear(x.to(weight.dtype), weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        x_gradient = (gradient @ weight).to(x.dtype) if ctx.needs_input_grad[0] else None
        term = gradient.reshape(-1, gradient.shape[-1]), x.reshape(-1, x.shape[-1])
        if ctx.layer.terms is None:
            return x_gradient, FactoredGradient.of([term]).dense(), None
        ctx.layer.terms.append((term[0].detach(), term[1].detach()))
        return x_gradient, None, None
