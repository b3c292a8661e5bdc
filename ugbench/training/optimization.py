"""One fused Adam a group, with a tensor as its learning rate, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ugbench.errors import RunError, UgbenchError
from ugbench.method import Group, Method


@dataclass(frozen=True)
class GroupOptimizer:
    """A group, its Adam, and the names of its parameters in the method, in the group's order."""

    name: str
    group: Group
    adam: torch.optim.Adam
    parameter_names: tuple[str, ...]


def build(method: Method) -> dict[str, GroupOptimizer]:
    """An optimiser for each of the method's groups.

    Raises:
        UgbenchError: groups share a parameter, or a parameter is in none.
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
        optimizers[group_name] = GroupOptimizer(group_name, group, adam, parameter_names)
    if left_out := sorted(set(names.values()) - set(owner)):
        raise UgbenchError(f"no group trains {', '.join(left_out[:3])}; every parameter needs a group.")
    return optimizers


def rate(optimizer: GroupOptimizer, step: int) -> float:
    """The learning rate of the step that follows `step` steps."""
    return optimizer.group.lr * optimizer.group.schedule(step)


def set_rates(optimizers: Mapping[str, GroupOptimizer], step: int) -> None:
    """Give every Adam the learning rate of the step that follows `step` steps, without a host sync."""
    for optimizer in optimizers.values():
        for param_group in optimizer.adam.param_groups:
            param_group["lr"].fill_(rate(optimizer, step))


def state_tensors(optimizers: Mapping[str, GroupOptimizer]) -> dict[str, Tensor]:
    """Adam's state as `<group>/<parameter>/<exp_avg|exp_avg_sq|step>`; a parameter never updated has none."""
    return {
        f"{optimizer.name}/{name}/{key}": value
        for optimizer in optimizers.values()
        for name, parameter in zip(optimizer.parameter_names, optimizer.group.parameters, strict=True)
        for key, value in optimizer.adam.state.get(parameter, {}).items()
    }


def load_state_tensors(optimizers: Mapping[str, GroupOptimizer], tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `state_tensors`; what the optimisers held before is gone.

    Raises:
        RunError: a tensor belongs to no parameter of these optimisers.
    """
    unknown = set(tensors)
    for optimizer in optimizers.values():
        optimizer.adam.state.clear()
        for name, parameter in zip(optimizer.parameter_names, optimizer.group.parameters, strict=True):
            prefix = f"{optimizer.name}/{name}/"
            keys = [key for key in ("step", "exp_avg", "exp_avg_sq") if prefix + key in tensors]
            if keys:
                optimizer.adam.state[parameter] = {
                    key: tensors[prefix + key].to(parameter.device, copy=True) for key in keys
                }
            unknown -= {prefix + key for key in keys}
    if unknown:
        raise RunError(f"the optimiser state has {sorted(unknown)[0]}, which this method lacks; use another run.")
