"""A phase of a training step: which groups may learn, and their update when the phase ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from ugbench.errors import UgbenchError
from ugbench.training.optimization import GroupOptimizer


class Phases:
    """The engine's side of `Method.step`: implements ugbench.method.Phase.

    After a step, `losses` holds its terms as `<groups>/<term>` (detached scalars), and `bad` is 1 on the
    device if any loss or gradient so far was not finite. Once it is 1, no later phase changes a parameter.
    """

    def __init__(self, optimizers: Mapping[str, GroupOptimizer]) -> None:
        self._optimizers = optimizers
        parameter = next(iter(optimizers.values())).group.parameters[0]
        self.bad = torch.zeros((), device=parameter.device)
        self.losses: dict[str, Tensor] = {}
        self.bad_after: dict[str, Tensor] = {}

    def begin_step(self) -> None:
        """Forget the terms of the step before."""
        self.losses = {}
        self.bad_after = {}

    @contextmanager
    def __call__(self, *groups: str) -> Iterator[dict[str, Tensor]]:
        """Collect the terms of one phase; on leaving, update `groups` with the gradient of their sum.

        Raises:
            UgbenchError: no such group, or a phase without terms.
        """
        for name in groups:
            if name not in self._optimizers:
                raise UgbenchError(f"a phase names the group '{name}'; the method has {', '.join(self._optimizers)}.")
        name = "+".join(groups)
        terms: dict[str, Tensor] = {}
        self._let_learn(groups)
        try:
            yield terms
            if not terms:
                raise UgbenchError(f"the phase '{name}' has no loss terms.")
            self._update([self._optimizers[group] for group in groups], name, terms)
        finally:
            self._let_learn(tuple(self._optimizers))

    def _let_learn(self, groups: tuple[str, ...]) -> None:
        # A network left trainable outside its phase would cost the backward pass its weights' gradients.
        for name, optimizer in self._optimizers.items():
            for parameter in optimizer.group.parameters:
                parameter.requires_grad_(name in groups)

    def _update(self, optimizers: list[GroupOptimizer], name: str, terms: dict[str, Tensor]) -> None:
        first, *others = terms.values()
        total = sum(others, first)
        parameters = [parameter for optimizer in optimizers for parameter in optimizer.group.parameters]
        found = torch.autograd.grad(total, parameters, allow_unused=True)
        gradients = {p: g if g is None else _laid_out_as(p, g) for p, g in zip(parameters, found, strict=True)}
        self.losses |= {f"{name}/{term}": value.detach() for term, value in terms.items()}

        norms: list[Tensor] = [total.detach()]
        for optimizer in optimizers:
            own = [g for p in optimizer.group.parameters if (g := gradients[p]) is not None]
            if not own:
                continue
            own_norms = torch._foreach_norm(own)
            norms += own_norms
            if optimizer.group.clip_norm is not None:
                norm = torch.stack(own_norms).norm()
                torch._foreach_mul_(own, (optimizer.group.clip_norm / (norm + 1e-6)).clamp(max=1.0))
        finite = torch.isfinite(torch.stack([norm.to(total.dtype) for norm in norms])).all()
        self.bad = torch.maximum(self.bad, (~finite).to(self.bad.dtype))
        self.bad_after[name] = self.bad

        for optimizer in optimizers:
            for parameter in optimizer.group.parameters:
                parameter.grad = gradients[parameter]
            optimizer.adam.found_inf = self.bad  # type: ignore[attr-defined]  # fused Adam: 1 means change nothing
            optimizer.adam.step()
            optimizer.adam.zero_grad(set_to_none=True)


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with its parameter's strides: fused Adam reads it as if it had them, whatever it has."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
