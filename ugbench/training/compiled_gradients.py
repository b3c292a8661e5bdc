"""Compares the gradients of compiled networks with those of the same networks without the compiler.

Code that torch.compile generates can be wrong without an error: with PyTorch 2.14.1 gradients in bfloat16 on a CPU
were NaN, or differed from the right ones by many times their norm (docs/speed.md). A training with such gradients goes
on and learns little, and nothing says why. So the first compiled steps of a process are computed with and without the
compiler before they are trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import hypot, inf, isfinite, isnan

import torch
from torch import Tensor, nn

from ugbench.errors import UgbenchError
from ugbench.method import Batch, Method
from ugbench.nn.factored_linear import FactoredGradient
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.gradients import Gradient, norms_of
from ugbench.training.optimizers import GroupOptimizer
from ugbench.training.step import Phases, compute_step

LARGEST_DIFFERENCE = 0.5
"""Of the norm of a parameter's gradient: rounding in bfloat16 changes gradients by some percent of it."""
NEGLIGIBLE = 0.01
"""Of the norm of all gradients of a phase: differences below it are rounding, as of the gradient of a bias before an
instance norm, which is 0."""


class _GradientsOnly(Phases):
    """Phases that update nothing: `gradients` has those of the step, by phase and parameter."""

    def __init__(self, phases: Phases) -> None:
        scale = None if phases.loss_scale is None else replace(phases.loss_scale)
        super().__init__(phases.optimizers, phases.period, scale, phases.ranks)
        self.gradients: dict[str, dict[nn.Parameter, Gradient]] = {}

    def _update(self, optimizers: list[GroupOptimizer], name: str, terms: dict[str, Tensor]) -> None:
        self.gradients[name] = self._gradients(optimizers, name, terms)[0]
        torch.clear_autocast_cache()


def check_gradients(method: Method, phases: Phases, batch: Batch, compiled: CompiledNetworks) -> None:
    """Compute a step with and without the compiler; the method, its optimizers and torch's generators stay as they are.

    Raises:
        UgbenchError: the compiler fails, or a gradient differs by more than rounding.
    """
    eager = _gradients(method, phases, batch, nullcontext())
    ours = _gradients(method, phases, batch, compiled.in_use())
    names = {parameter: name for name, parameter in method.named_parameters()}
    for phase, gradients in eager.items():
        name, difference = _largest_difference(gradients, ours[phase], names)
        if not difference <= LARGEST_DIFFERENCE:  # NaN is not
            fault = "is NaN" if isnan(difference) else f"is off by {difference:.2g} times its norm"
            raise UgbenchError(
                f"compile: the compiled networks compute other gradients than PyTorch does without its compiler: that "
                f"of {name} in the phase '{phase}' {fault}; train with --compile off."
            )


def _gradients(
    method: Method, phases: Phases, batch: Batch, computing: AbstractContextManager[None]
) -> dict[str, dict[nn.Parameter, Gradient]]:
    """The gradients of each phase of a step that changes nothing."""
    before = {key: value.clone() for key, value in method.state_dict().items()}
    device = phases.found_inf.device
    only = _GradientsOnly(phases)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(batch.step)
        only.begin_step(batch.step)
        with computing:
            compute_step(method, only, batch)
    method.load_state_dict(before)
    return only.gradients


def _largest_difference(
    eager: Mapping[nn.Parameter, Gradient], compiled: Mapping[nn.Parameter, Gradient], names: Mapping[nn.Parameter, str]
) -> tuple[str, float]:
    """The parameter whose gradient differs most, and the norm of the difference as a share of that of the gradient.

    Negligible differences count as 0, and NaN counts as most. Where the eager gradients are not finite themselves,
    there is nothing to compare: the training of the step will say so.
    """
    norms = [float(norm) for gradient in eager.values() for norm in norms_of([gradient])]
    negligible = NEGLIGIBLE * hypot(*norms)
    largest = ("", 0.0)
    if not isfinite(negligible):
        return largest
    for (parameter, gradient), norm in zip(eager.items(), norms, strict=True):
        difference = _difference(gradient, compiled[parameter])
        if difference <= negligible:
            continue
        share = difference / norm if norm else inf
        if not share <= largest[1]:
            largest = (names[parameter], share)
        if isnan(share):
            break
    return largest


def _difference(one: Gradient, other: Gradient) -> float:
    """The norm of the difference of two gradients of the same kind."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return float((one - other).norm())
    assert isinstance(one, FactoredGradient) and isinstance(other, FactoredGradient)
    outputs, inputs = torch.cat((one.outputs, -other.outputs)), torch.cat((one.inputs, other.inputs))
    return float(FactoredGradient(outputs, inputs).norm())
