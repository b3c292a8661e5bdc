"""One training step of any method: `train_step`, the phases in which a method computes losses, and the optimizers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from ugbench.device import Precision, autocast
from ugbench.errors import RunError, UgbenchError
from ugbench.method import Batch, Group, Method


def train_step(method: Method, phases: Phases, batch: Batch, precision: Precision) -> None:
    """Train a method, which must be in training mode, for one step.

    Args:
        phases: made with the method's optimizers; holds the losses after the step.
        batch: `batch.step` is the number of steps done before; it selects the learning rates.
        precision: the precision in which networks run, see `ugbench.device.autocast`.
    """
    set_learning_rates(phases.optimizers, batch.step)
    phases.begin_step()
    with autocast(precision, phases.found_inf.device):
        method.step(batch, phases)


class Phases:
    """The `phase` argument of `Method.step`: implements ugbench.method.Phase.

    In a phase only the parameters of its groups require gradients; when it ends they are updated.

    Attributes:
        optimizers: the optimizer of each group.
        losses: the loss terms of the last step as `<groups>/<term>`, detached scalars on the device.
        found_inf: 1.0 on the device if a loss or gradient of any step so far was NaN or Inf, else 0.0. Once it is 1,
            no later phase changes a parameter.
        found_inf_after: `found_inf` after each phase of the last step, by the phase's name.
    """

    def __init__(self, optimizers: Mapping[str, GroupOptimizer]) -> None:
        self.optimizers = optimizers
        self.found_inf = torch.zeros((), device=next(iter(optimizers.values())).group.parameters[0].device)
        self.begin_step()

    def begin_step(self) -> None:
        """Remove the loss terms of the step before."""
        self.losses: dict[str, Tensor] = {}
        self.found_inf_after: dict[str, Tensor] = {}

    @contextmanager
    def __call__(self, *groups: str) -> Iterator[dict[str, Tensor]]:
        """Collect the loss terms of one phase; when it ends, update `groups` with the gradient of their sum.

        Raises:
            UgbenchError: there is no such group, or the phase has no loss terms.
        """
        for name in groups:
            if name not in self.optimizers:
                raise UgbenchError(f"a phase names the group '{name}'; the method has {', '.join(self.optimizers)}.")
        name = "+".join(groups)
        terms: dict[str, Tensor] = {}
        self._require_gradients(groups)
        try:
            yield terms
            if not terms:
                raise UgbenchError(f"the phase '{name}' has no loss terms.")
            self._update([self.optimizers[group] for group in groups], name, terms)
        finally:
            self._require_gradients(tuple(self.optimizers))

    def _require_gradients(self, groups: tuple[str, ...]) -> None:
        # If a network of another group required gradients, the backward pass would also compute them.
        for name, optimizer in self.optimizers.items():
            for parameter in optimizer.group.parameters:
                parameter.requires_grad_(name in groups)

    def _update(self, optimizers: list[GroupOptimizer], name: str, terms: dict[str, Tensor]) -> None:
        first, *others = terms.values()
        total = sum(others, first)
        parameters = [parameter for optimizer in optimizers for parameter in optimizer.group.parameters]
        computed = torch.autograd.grad(total, parameters, allow_unused=True)
        gradients = {p: g if g is None else _with_strides_of(p, g) for p, g in zip(parameters, computed, strict=True)}
        self.losses |= {f"{name}/{term}": value.detach() for term, value in terms.items()}

        norms: list[Tensor] = [total.detach()]
        for optimizer in optimizers:
            group_gradients = [g for p in optimizer.group.parameters if (g := gradients[p]) is not None]
            if not group_gradients:
                continue
            group_norms = torch._foreach_norm(group_gradients)
            norms += group_norms
            if optimizer.group.clip_norm is not None:
                norm = torch.stack(group_norms).norm()
                torch._foreach_mul_(group_gradients, (optimizer.group.clip_norm / (norm + 1e-6)).clamp(max=1.0))
        finite = torch.isfinite(torch.stack([norm.to(total.dtype) for norm in norms])).all()
        self.found_inf = torch.maximum(self.found_inf, (~finite).to(self.found_inf.dtype))
        self.found_inf_after[name] = self.found_inf

        for optimizer in optimizers:
            for parameter in optimizer.group.parameters:
                parameter.grad = gradients[parameter]
            # Fused Adam changes nothing if this is 1.
            optimizer.adam.found_inf = self.found_inf  # type: ignore[attr-defined]
            optimizer.adam.step()
            optimizer.adam.zero_grad(set_to_none=True)


@dataclass(frozen=True)
class GroupOptimizer:
    """A parameter group and its optimizer.

    Attributes:
        parameter_names: the names of the group's parameters in the method, in the order of the group.
    """

    group: Group
    adam: torch.optim.Adam
    parameter_names: tuple[str, ...]


def build_optimizers(method: Method) -> dict[str, GroupOptimizer]:
    """One optimizer for each group of the method, by the group's name.

    Raises:
        UgbenchError: two groups share a parameter, or a parameter is in no group.
    """
    names = {parameter: name for name, parameter in method.named_parameters()}
    owner: dict[str, str] = {}
    optimizers = {}
    for group_name, group in method.groups().items():
        for parameter in group.parameters:
            other = owner.setdefault(names[parameter], group_name)
            if other != group_name:
                raise UgbenchError(
                    f"{names[parameter]} is in the groups {other} and {group_name}; groups must be disjoint."
                )
        first = group.parameters[0]
        # A rate in float32 would move parameters in float64 by more than their own rounding. On a GPU the fused
        # kernel reads the rate as float32.
        rate_dtype = torch.float64 if first.dtype == torch.float64 and first.device.type == "cpu" else torch.float32
        adam = torch.optim.Adam(
            group.parameters,
            lr=torch.tensor(group.lr, device=first.device, dtype=rate_dtype),
            betas=group.betas,
            eps=group.eps,
            weight_decay=group.weight_decay,
            fused=True,
        )
        parameter_names = tuple(names[parameter] for parameter in group.parameters)
        optimizers[group_name] = GroupOptimizer(group, adam, parameter_names)
    if left_out := sorted(set(names.values()) - set(owner)):
        raise UgbenchError(f"no group trains {', '.join(left_out[:3])}; every parameter needs a group.")
    return optimizers


def learning_rate(optimizer: GroupOptimizer, step: int) -> float:
    """The learning rate of the training step that follows after `step` steps."""
    return optimizer.group.lr * optimizer.group.schedule(step)


def set_learning_rates(optimizers: Mapping[str, GroupOptimizer], step: int) -> None:
    """Give each optimizer the learning rate of the step that follows after `step` steps, without a host sync."""
    for optimizer in optimizers.values():
        for param_group in optimizer.adam.param_groups:
            param_group["lr"].fill_(learning_rate(optimizer, step))


def state_tensors(optimizers: Mapping[str, GroupOptimizer]) -> dict[str, Tensor]:
    """The state of the optimizers as `<group>/<parameter>/<exp_avg|exp_avg_sq|step>`.

    A parameter that was never updated has no state.
    """
    return {
        f"{group}/{name}/{key}": value
        for group, optimizer in optimizers.items()
        for name, parameter in zip(optimizer.parameter_names, optimizer.group.parameters, strict=True)
        for key, value in optimizer.adam.state.get(parameter, {}).items()
    }


def load_state_tensors(optimizers: Mapping[str, GroupOptimizer], tensors: Mapping[str, Tensor]) -> None:
    """Replace the state of the optimizers; the inverse of `state_tensors`.

    Raises:
        RunError: a tensor belongs to no parameter of these optimizers, or a parameter has only a part of its state.
    """
    remaining = dict(tensors)
    for group, optimizer in optimizers.items():
        optimizer.adam.state.clear()
        for name, parameter in zip(optimizer.parameter_names, optimizer.group.parameters, strict=True):
            stored = {key: remaining.pop(f"{group}/{name}/{key}", None) for key in ("step", "exp_avg", "exp_avg_sq")}
            state = {
                key: tensor.to(parameter.device, copy=True) for key, tensor in stored.items() if tensor is not None
            }
            if state and (len(state) < len(stored) or state["exp_avg"].shape != parameter.shape):
                raise RunError(f"the optimizer state of {group}/{name} does not fit this method; use another run.")
            if state:
                optimizer.adam.state[parameter] = state
    if remaining:
        raise RunError(f"the optimizer state has {min(remaining)}, which this method lacks; use another run.")


def _with_strides_of(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the strides of its parameter, because fused Adam assumes them without a check."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
