"""The optimizer of each parameter group: how it is built, what it does with a step that is not finite, its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ugbench.errors import RunError, UgbenchError
from ugbench.method import Group, Method, OptimizerName
from ugbench.nn.factored_linear import FactoredGradient, FactoredLinear
from ugbench.training.factored_adam import update_by_blocks
from ugbench.training.gradients import Gradient

_ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")
_STATE: Mapping[OptimizerName, tuple[str, ...]] = MappingProxyType(
    {"adam": _ADAM_STATE, "adamw": _ADAM_STATE, "radam": _ADAM_STATE, "sgd": ("momentum_buffer",)}
)


@dataclass(frozen=True)
class GroupOptimizer:
    """A parameter group and its optimizer.

    Attributes:
        optimizer: its `found_inf` is a tensor on the device; while that is 1, `step` changes nothing.
        parameter_names: the names of the group's parameters in the method, in the order of the group.
        factored: the layers whose weights `update` takes factored gradients of. Adam and AdamW update such weights
            block by block; the other optimizers need their whole gradients, so they have no such layers.
    """

    group: Group
    optimizer: torch.optim.Optimizer
    parameter_names: tuple[str, ...]
    factored: tuple[FactoredLinear, ...] = ()

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of the state tensors that the optimizer keeps for each parameter."""
        return _STATE[self.group.optimizer] if self.group.optimizer != "sgd" or self.group.momentum else ()


def build_optimizers(method: Method) -> dict[str, GroupOptimizer]:
    """One optimizer for each group of the method, by the group's name.

    Raises:
        UgbenchError: a group is empty, two groups share a parameter, or the groups are not exactly the parameters that
            require grad.
    """
    names = {parameter: name for name, parameter in method.named_parameters()}
    trained = {name for parameter, name in names.items() if parameter.requires_grad}
    owner: dict[str, str] = {}
    optimizers = {}
    for group_name, group in method.groups().items():
        if not group.parameters:
            raise UgbenchError(f"the group {group_name} has no parameters; leave the group out.")
        for parameter in group.parameters:
            if parameter not in names:
                raise UgbenchError(f"the group {group_name} has a parameter that is none of the method's own.")
            name = names[parameter]
            if name not in trained:
                raise UgbenchError(f"the group {group_name} has {name}, which requires no grad; do one or the other.")
            other = owner.setdefault(name, group_name)
            if other != group_name:
                raise UgbenchError(f"{name} is in the groups {other} and {group_name}; groups must be disjoint.")
        parameter_names = tuple(names[parameter] for parameter in group.parameters)
        factored = _factored_layers(method, group)
        optimizers[group_name] = GroupOptimizer(group, _build(group), parameter_names, factored)
    if left_out := sorted(trained - set(owner)):
        children = {name for name, _ in method.named_children()}
        unused = [name for name in getattr(method, "frozen", {}) if name not in children]
        hint = f" `frozen` names {', '.join(unused)}, which is no attribute of the method." if unused else ""
        raise UgbenchError(
            f"no group trains {', '.join(left_out[:3])}; put each parameter into a group, or give it no grad "
            f"(requires_grad_(False)) if the step itself changes it.{hint}"
        )
    if not optimizers:
        raise UgbenchError("the method has no parameter groups; groups() names what each optimizer trains.")
    return optimizers


def _build(group: Group) -> torch.optim.Optimizer:
    optimizer = _with_rate(group, group.lr)
    first = group.parameters[0]
    # A rate in float32 would move parameters in float64 by more than their own rounding. On a GPU the fused kernels
    # read the rate as float32. It is a tensor, so that a schedule can change it without a wait for the GPU. It is set
    # here, because an optimizer that is built with a tensor checks its value, and waits for the GPU.
    rate_dtype = torch.float64 if first.dtype == torch.float64 and first.device.type == "cpu" else torch.float32
    for param_group in optimizer.param_groups:
        param_group["lr"] = torch.tensor(group.lr, device=first.device, dtype=rate_dtype)
    return optimizer


def _with_rate(group: Group, rate: float) -> torch.optim.Optimizer:
    parameters, decay = group.parameters, group.weight_decay
    match group.optimizer:
        case "adam":
            return _Adam(parameters, rate, group.betas, group.eps, decay, fused=True)
        case "adamw":
            return _Adam(parameters, rate, group.betas, group.eps, decay, fused=True, decoupled_weight_decay=True)
        case "radam":
            # On a GPU the number of updates stays on the device, so that no update waits for it.
            on_gpu = parameters[0].device.type == "cuda"
            return _RAdam(parameters, rate, group.betas, group.eps, decay, capturable=on_gpu, foreach=on_gpu)
        case "sgd":
            return _SGD(parameters, rate, group.momentum, weight_decay=decay, fused=True)


def _factored_layers(method: Method, group: Group) -> tuple[FactoredLinear, ...]:
    if group.optimizer not in ("adam", "adamw"):
        return ()
    layers = [layer for layer in method.modules() if isinstance(layer, FactoredLinear)]
    return tuple(layer for layer in layers if any(layer.weight is parameter for parameter in group.parameters))


class _Adam(torch.optim.Adam):
    """Adam, and AdamW if the weight decay is decoupled, which also takes gradients in factors.

    Attributes:
        factored: the factored gradients of the next step.
    """

    factored: Mapping[nn.Parameter, FactoredGradient] = MappingProxyType({})
    found_inf: Tensor

    def step(self, closure: Any = None) -> Any:
        """Update the parameters that have gradients, unless `found_inf` is 1."""
        result = super().step(closure)
        for parameter, gradient in self.factored.items():
            update_by_blocks(parameter, gradient, self.state[parameter], self.param_groups[0], self.found_inf)
        return result


class _SGD(torch.optim.SGD):
    """SGD whose momentum begins at 0. Otherwise a first step that is not finite would leave it undefined."""

    def step(self, closure: Any = None) -> Any:
        """Update the parameters that have gradients, unless `found_inf` is 1."""
        if self.param_groups[0]["momentum"]:
            for parameter in _with_gradient(self):
                self.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
        return super().step(closure)


class _RAdam(torch.optim.RAdam):
    """RAdam with `found_inf`, which torch supports in its fused optimizers only.

    While it updates, it keeps a copy of the parameters and of their state.
    """

    found_inf: Tensor

    def step(self, closure: Any = None) -> Any:
        """Update the parameters that have gradients, unless `found_inf` is 1."""
        parameters = _with_gradient(self)
        on_device = self.param_groups[0]["capturable"]
        for parameter in parameters:
            if not self.state[parameter]:
                device = parameter.device if on_device else torch.device("cpu")
                moments = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
                self.state[parameter] = {"step": torch.zeros((), device=device), **moments}
        changing = [parameter.detach() for parameter in parameters]
        changing += [tensor for parameter in parameters for tensor in self.state[parameter].values()]
        before = [tensor.clone() for tensor in changing]
        result = super().step(closure)
        for tensor, earlier in zip(changing, before, strict=True):
            tensor.copy_(torch.where(self.found_inf.to(tensor.device) > 0, earlier, tensor))
        return result


def _with_gradient(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for param_group in optimizer.param_groups for p in param_group["params"] if p.grad is not None]


def learning_rate(optimizer: GroupOptimizer, step: int) -> float:
    """The learning rate of the training step that follows after `step` steps."""
    return float(optimizer.group.lr * optimizer.group.schedule(step))


def set_learning_rates(optimizers: Mapping[str, GroupOptimizer], step: int) -> None:
    """Give each optimizer the learning rate of the step that follows after `step` steps, without a host sync."""
    for optimizer in optimizers.values():
        for param_group in optimizer.optimizer.param_groups:
            param_group["lr"].fill_(learning_rate(optimizer, step))


def update(optimizer: GroupOptimizer, gradients: Mapping[nn.Parameter, Gradient], found_inf: Tensor) -> None:
    """Update the parameters of a group that have gradients, unless `found_inf` is 1.

    Args:
        gradients: those of the group, and perhaps others. They are factored for weights of `optimizer.factored` alone.
        found_inf: on the device.
    """
    of_group = {p: gradients[p] for p in optimizer.group.parameters if p in gradients}
    inner: Any = optimizer.optimizer
    inner.found_inf = found_inf
    inner.factored = {p: g for p, g in of_group.items() if isinstance(g, FactoredGradient)}
    for parameter, gradient in of_group.items():
        parameter.grad = gradient if isinstance(gradient, Tensor) else None
    inner.step()
    inner.zero_grad(set_to_none=True)
    inner.factored = {}


def state_tensors(optimizers: Mapping[str, GroupOptimizer]) -> dict[str, Tensor]:
    """The state of the optimizers as `<group>/<parameter>/<name>`, such as `generators/conv.weight/exp_avg`.

    A parameter that was never updated has no state.
    """
    return {
        f"{group}/{name}/{key}": value
        for group, optimizer in optimizers.items()
        for name, parameter in zip(optimizer.parameter_names, optimizer.group.parameters, strict=True)
        for key, value in optimizer.optimizer.state.get(parameter, {}).items()
        if value is not None  # SGD without momentum
    }


def never_updated(optimizers: Mapping[str, GroupOptimizer]) -> list[str]:
    """The groups without any state, because no phase of the whole training has updated them. Groups of SGD without
    momentum, which has no state, are left out.
    """
    return [
        name
        for name, optimizer in optimizers.items()
        if optimizer.state_names and not any(map(optimizer.optimizer.state.get, optimizer.group.parameters))
    ]


def load_state_tensors(optimizers: Mapping[str, GroupOptimizer], tensors: Mapping[str, Tensor]) -> None:
    """Replace the state of the optimizers; the inverse of `state_tensors`.

    Raises:
        RunError: a tensor belongs to no parameter of these optimizers, or a parameter has only a part of its state.
    """
    remaining = dict(tensors)
    for group, optimizer in optimizers.items():
        optimizer.optimizer.state.clear()
        for name, parameter in zip(optimizer.parameter_names, optimizer.group.parameters, strict=True):
            stored = {key: remaining.pop(f"{group}/{name}/{key}", None) for key in optimizer.state_names}
            state = {
                key: _as_state(tensor, key, parameter, optimizer)
                for key, tensor in stored.items()
                if tensor is not None
            }
            shapes = {tensor.shape for key, tensor in state.items() if key != "step"}
            if state and (len(state) < len(stored) or shapes != {parameter.shape}):
                raise RunError(f"the optimizer state of {group}/{name} does not fit this method; use another run.")
            if state:
                optimizer.optimizer.state[parameter] = state
    if remaining:
        raise RunError(f"the optimizer state has {min(remaining)}, which this method lacks; use another run.")


def _as_state(tensor: Tensor, key: str, parameter: Tensor, optimizer: GroupOptimizer) -> Tensor:
    """A copy of a stored tensor as the state of a parameter: on its device, and with its strides."""
    if key == "step":
        kept_on_host = isinstance(optimizer.optimizer, _RAdam) and not optimizer.optimizer.defaults["capturable"]
        return tensor.to("cpu" if kept_on_host else parameter.device, copy=True)
    # Fused optimizers assume the strides of the parameter without a check.
    strides = parameter.stride() if tensor.shape == parameter.shape else tensor.stride()
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=parameter.device).copy_(tensor)
