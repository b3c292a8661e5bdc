"""Rules about a training step: what it updates, its losses, and the state that it depends on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ugbench.contract.check import Broken, demand
from ugbench.contract.small_methods import CPU, STEPS, build, phases_of, random_batch, train_period
from ugbench.method import Batch
from ugbench.runs import checkpoint
from ugbench.training.method_lines import line_of
from ugbench.training.network_precision import run_networks_in
from ugbench.training.shapes import batch_of_shapes, on_shapes
from ugbench.training.step import train_step

GPU = "cuda"
MEANS_AGREE = 1e-3
"""A relative tolerance. It is not smaller, because Adam turns rounding errors into updates that later phases see."""


def groups_cover_the_parameters(name: str, variant: str | None) -> None:
    """Each parameter that requires grad is in one group, and no other parameter is in any."""
    method = build(name, variant)
    names = {parameter: key for key, parameter in method.named_parameters()}
    grouped = [parameter for group in method.groups().values() for parameter in group.parameters]
    twice = {names.get(p, "a parameter") for p in grouped if sum(p is other for other in grouped) > 1}
    demand(not twice, f"{', '.join(sorted(twice))}: in two groups; groups must be disjoint.")
    trained = {parameter for parameter in method.parameters() if parameter.requires_grad}
    left_out = sorted(names[p] for p in trained - set(grouped))
    demand(not left_out, f"no group trains {', '.join(left_out)}; put each parameter into a group.")
    foreign = sorted(names.get(p, "a tensor of no network") for p in set(grouped) - trained)
    demand(not foreign, f"a group has {', '.join(foreign)}, which requires no grad; take it out of the group.")


def only_groups_are_trained(name: str, variant: str | None) -> None:
    """Frozen networks stay as they are and in eval mode, and what no group trains keeps no graph."""
    method = build(name, variant)
    before = {key: tensor.clone() for key, tensor in method.frozen_state().items()}
    phases = phases_of(method)
    method.train()
    train_period(method, phases)
    changed = [key for key, tensor in method.frozen_state().items() if not tensor.equal(before[key])]
    demand(not changed, f"a step changes {', '.join(changed)} of a frozen network; frozen networks stay as they are.")
    training = [
        key for key, network in method.frozen_networks().items() for module in network.modules() if module.training
    ]
    demand(not training, f"a step sets the frozen network {', '.join(dict.fromkeys(training))} to training mode.")
    tensors = (*method.named_parameters(), *method.named_buffers())
    kept = [key for key, tensor in tensors if tensor.grad_fn is not None]
    demand(not kept, f"{', '.join(kept)} keeps the graph of a step; change it in a `with torch.no_grad():` block.")
    grouped = {parameter for group in method.groups().values() for parameter in group.parameters}
    asked = [key for key, p in method.named_parameters() if p.requires_grad and p not in grouped]
    demand(not asked, f"a step makes {', '.join(asked)} require grad, which is in no group.")
    stored = sorted(before.keys() & method.state_dict().keys())
    demand(not stored, f"state_dict() has {', '.join(stored)} of a frozen network; do not override it.")


def every_group_is_updated(name: str, variant: str | None) -> None:
    """In the first or in the last period of a training, each group is in a phase."""
    method = build(name, variant)
    phases = phases_of(method)
    updated = set()
    for first in (0, max(0, method.config.known_steps - method.period)):
        for step in range(first, first + method.period):
            train_step(method, phases, random_batch(method, step=step))
            updated |= {group for term in phases.losses for group in term.split("/")[0].split("+")}
    missing = sorted(set(method.groups()) - updated)
    demand(not missing, f"no phase updates the group {', '.join(missing)}; add a phase of it, or leave the group out.")


def schedules_are_factors(name: str, variant: str | None) -> None:
    """The factor on a learning rate is 1 at first, and always from 0 to 1."""
    for key, group in build(name, variant).groups().items():
        factors = [group.schedule(step) for step in range(STEPS)]
        demand(
            factors[0] == 1 and all(0 <= factor <= 1 for factor in factors),
            f"the schedule of the group {key} gives {factors}; begin with 1 and stay from 0 to 1.",
        )


def a_phase_moves_its_groups_alone(name: str, variant: str | None) -> None:
    """Within a step each phase moves parameters of each of its groups, and no others."""
    method = build(name, variant)
    phases = phases_of(method)
    names = {parameter: key for key, parameter in method.named_parameters()}
    members = {key: {names[p] for p in group.parameters} for key, group in method.groups().items()}

    @contextmanager
    def watched(*groups: str) -> Iterator[dict[str, Tensor]]:
        before = {key: parameter.detach().clone() for key, parameter in method.named_parameters()}
        with phases(*groups) as loss:
            yield loss
        moved = {key for key, parameter in method.named_parameters() if not parameter.equal(before[key])}
        phase = "+".join(groups)
        others = sorted(moved - set().union(*(members[group] for group in groups)))
        demand(not others, f"the phase '{phase}' moves {', '.join(others)}, which is in none of its groups.")
        for group in groups:
            demand(
                bool(moved & members[group]),
                f"the phase '{phase}' moves no parameter of the group {group}; let a loss depend on it, or leave the "
                "group out of the phase.",
            )

    for step in range(method.period):
        method.step(random_batch(method, step=step), watched)


def takes_one_image(name: str, variant: str | None) -> None:
    """A step takes batches of one image, and its losses are finite scalars."""
    _takes_batches_of(1, name, variant)


def takes_three_images(name: str, variant: str | None) -> None:
    """A step takes batches of three images, and its losses are finite scalars."""
    _takes_batches_of(3, name, variant)


def _takes_batches_of(n: int, name: str, variant: str | None) -> None:
    method = build(name, variant, batch_size=n)
    phases = phases_of(method)
    for _ in range(2):
        train_period(method, phases, n)
    demand(bool(phases.losses), "a step has no losses; compute at least one in a phase.")
    for term, value in phases.losses.items():
        demand(value.shape == (), f"the loss {term} has the shape {tuple(value.shape)}; give a scalar, such as a mean.")
        demand(bool(torch.isfinite(value)), f"the loss {term} is {float(value)} on random images.")
    demand(not phases.found_inf, "a gradient is not finite on random images.")


def is_finite_in_bfloat16(name: str, variant: str | None) -> None:
    """With networks in bfloat16 a step is finite, its losses are float32, and so is its state."""
    method = build(name, variant)
    run_networks_in(method, "bf16", CPU)
    phases = phases_of(method)
    train_period(method, phases)
    demand(not phases.found_inf, "a loss or a gradient is not finite when the networks run in bfloat16.")
    other = sorted(term for term, value in phases.losses.items() if value.dtype != torch.float32)
    demand(not other, f"the losses {', '.join(other)} are not float32 when the networks run in bfloat16.")
    low = sorted(key for key, value in method.state_dict().items() if value.dtype == torch.bfloat16)
    demand(not low, f"{', '.join(low)} is stored as bfloat16 when the networks run in it; keep the state in float32.")


def works_on_one_device(name: str, variant: str | None) -> None:
    """With networks and a batch on a GPU, the forward passes and losses of a step use no tensor that is elsewhere.

    The step is done on shapes, so that no GPU is needed.
    """
    config = build(name, variant).config
    with on_shapes(name, config, device=GPU) as (method, _):
        for step in range(method.period):
            phase = _Collected()
            try:
                method.step(batch_of_shapes(method, step, GPU), phase)
            except RuntimeError as error:
                if "devices" not in str(error):
                    raise
                place = f"{line}: " if (line := line_of(error)) else ""
                raise Broken(
                    f"{place}here tensors of two devices meet when a step runs on a GPU; make tensors on the device of "
                    "the batch, or register them as buffers."
                ) from None
            other = sorted(term for term, value in phase.losses.items() if value.device.type != GPU)
            demand(not other, f"the losses {', '.join(other)} are on the CPU when the networks are on a GPU.")


class _Collected:
    """A phase that collects losses and updates nothing."""

    def __init__(self) -> None:
        self.losses: dict[str, Tensor] = {}

    @contextmanager
    def __call__(self, *groups: str) -> Iterator[dict[str, Tensor]]:
        terms: dict[str, Tensor] = {}
        yield terms
        self.losses |= {f"{'+'.join(groups)}/{term}": value for term, value in terms.items()}


def losses_are_means(name: str, variant: str | None) -> None:
    """A batch that holds every sample twice has the losses of the batch that holds it once."""
    losses: list[dict[str, float]] = []
    for repeats in (1, 2):
        torch.manual_seed(0)
        method = build(name, variant).double()
        phases = phases_of(method)
        for step in range(method.period):
            once = random_batch(method, 2, torch.float64, step)
            kinds = method.draws()
            draws = {
                key: draw.repeat(repeats, *[1] * (draw.ndim - 1)) if kinds[key].per == "sample" else draw
                for key, draw in once.draws.items()
            }
            a, b = (x.repeat(repeats, 1, 1, 1) for x in (once.a, once.b))
            extra = {split: x.repeat(repeats, 1, 1, 1) for split, x in once.extra.items()}
            method.step(Batch(a, b, draws, step, extra), phases)
        losses.append({term: float(value) for term, value in phases.losses.items()})
    once_losses, twice_losses = losses
    demand(once_losses.keys() == twice_losses.keys(), "which losses a step has depends on the batch size.")
    for term, value in once_losses.items():
        demand(
            math.isclose(twice_losses[term], value, rel_tol=MEANS_AGREE, abs_tol=1e-12),
            f"the loss {term} is {value:.6g}, and {twice_losses[term]:.6g} when the batch holds every image twice; "
            "take the mean over the samples.",
        )


def state_dict_is_the_state(name: str, variant: str | None) -> None:
    """A method with the state dict of another one makes the same next step."""
    first = build(name, variant)
    train_period(first, phases_of(first))
    torch.manual_seed(1)
    second = build(name, variant)
    demand(
        checkpoint.digest(second.state_dict()) != checkpoint.digest(first.state_dict()),
        "two seeds give the same weights after training; draw initial weights from torch's default generator.",
    )
    second.load_state_dict(first.state_dict())
    batches = [random_batch(first, step=step) for step in range(first.period)]
    for method in (first, second):
        phases = phases_of(method)
        for batch in batches:
            method.step(batch, phases)
    after = [method.state_dict() for method in (first, second)]
    other = [key for key, tensor in after[0].items() if not tensor.equal(after[1][key])]
    demand(
        not other,
        f"after the state dict was loaded into a new method, the next step gives {', '.join(other[:3])} other values; "
        "keep all state in parameters and persistent buffers.",
    )
