"""One training step of any method: `train_step`, and the phases in which a method computes losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ugbench.errors import UgbenchError, UnknownName
from ugbench.method import Batch, Method
from ugbench.nn.across_ranks import ALONE, Ranks
from ugbench.training.gradient_average import averaged
from ugbench.training.gradients import Gradient, gradients_of, norms_of, scaled
from ugbench.training.loss_scale import LossScale
from ugbench.training.loss_terms import LossTerms
from ugbench.training.method_lines import calling_line
from ugbench.training.optimizers import GroupOptimizer, set_learning_rates, update


def train_step(method: Method, phases: Phases, batch: Batch) -> None:
    """Train a method, which must be in training mode, for one step.

    Its networks run in the precision that `ugbench.training.network_precision.run_networks_in` has set, if any.

    Args:
        phases: made with the method's optimizers; holds the losses after the step.
        batch: `batch.step` is the number of steps done before; it selects the learning rates.
    """
    set_learning_rates(phases.optimizers, batch.step)
    phases.begin_step(batch.step)
    compute_step(method, phases, batch)
    phases.end_step()


def compute_step(method: Method, phases: Phases, batch: Batch) -> None:
    """What a step computes on the device, between `Phases.begin_step` and `Phases.end_step`."""
    # Within this context the weights that networks use in bfloat16 are converted once, and not for each call.
    with torch.autocast(phases.found_inf.device.type, enabled=False):
        method.step(batch, phases)


class Phases:
    """The `phase` argument of `Method.step`: implements ugbench.method.Phase.

    In a phase only the parameters of its groups require gradients; when it ends they are updated.

    Args:
        period: that of the method, see `ugbench.method.Method`.
        loss_scale: where networks run in float16.
        ranks: the processes that train together. Gradients and losses become the means over them, before anything is
            computed from them.

    Attributes:
        optimizers: the optimizer of each group.
        losses: the last value of each loss term in the last `period` steps, by `<groups>/<term>`: detached scalars on
            the device.
        found_inf: 1.0 on the device if a loss or gradient of any step so far was NaN or Inf, else 0.0. Once it is 1,
            no later phase changes a parameter. It is always the same tensor, as a recorded step writes to it.
        found_inf_after: `found_inf` after each phase of the last step, by the phase's name.
    """

    def __init__(
        self,
        optimizers: Mapping[str, GroupOptimizer],
        period: int = 1,
        loss_scale: LossScale | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.optimizers, self.period, self.loss_scale, self.ranks = optimizers, period, loss_scale, ranks
        self.found_inf = torch.zeros((), device=next(iter(optimizers.values())).group.parameters[0].device)
        self.losses: dict[str, Tensor] = {}
        self.found_inf_after: dict[str, Tensor] = {}
        self._step_of: dict[str, int] = {}
        self._step, self._open = 0, ""
        self._factored = [layer for optimizer in optimizers.values() for layer in optimizer.factored]

    def begin_step(self, step: int) -> None:
        """Begin the step that follows after `step` steps."""
        self._step = step
        # The flags of the step before still read its losses, see non_finite.py.
        self.losses, self.found_inf_after = dict(self.losses) if self.period > 1 else {}, {}

    def end_step(self) -> None:
        """Forget the loss terms that were not computed in the last `period` steps.

        The others are sorted, because the order in which a run came to compute them is not known after a resume; those
        of one step have the order of the step.
        """
        first = self._step - self.period + 1
        self._step_of = {term: step for term, step in self._step_of.items() if step >= first}
        if self.period > 1:
            self.losses = {term: value for term, value in sorted(self.losses.items()) if term in self._step_of}

    def results(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The loss terms that this step has computed, and `found_inf_after`."""
        losses = {term: value for term, value in self.losses.items() if self._step_of[term] == self._step}
        return losses, dict(self.found_inf_after)

    def take_results(self, losses: Mapping[str, Tensor], found_inf_after: Mapping[str, Tensor]) -> None:
        """Take the `results` of a step that was recorded, as if its phases had been left now."""
        self.losses |= losses
        self._step_of |= dict.fromkeys(losses, self._step)
        self.found_inf_after = dict(found_inf_after)

    def earlier_losses(self) -> dict[str, tuple[int, float]]:
        """The step and value of each loss term that a later step of the period may still log; waits for the device."""
        first = self._step - self.period + 2
        return {term: (step, float(self.losses[term])) for term, step in self._step_of.items() if step >= first}

    def restore_losses(self, earlier: Mapping[str, tuple[int, float]]) -> None:
        """Take what `earlier_losses` gave before a run was stopped."""
        self._step_of = {term: step for term, (step, _) in earlier.items()}
        self.losses = {term: torch.tensor(value, device=self.found_inf.device) for term, (_, value) in earlier.items()}

    @contextmanager
    def __call__(self, *groups: str) -> Iterator[dict[str, Tensor]]:
        """Collect the loss terms of one phase; when it ends, update `groups` with the gradient of their sum.

        Raises:
            UgbenchError: there is no such group, the phase is within another one, it has no loss terms, a term is no
                scalar, no term depends on the groups, or one needs a graph or weights that an earlier phase has used.
        """
        for name in groups:
            if name not in self.optimizers:
                raise UgbenchError(f"{calling_line()}: {UnknownName('group', name, self.optimizers)}")
        name = "+".join(groups)
        if self._open:
            raise UgbenchError(
                f"{calling_line()}: the phase '{name}' is within the phase '{self._open}'; end it first."
            )
        terms = LossTerms(name)
        self._open = name
        self._require_gradients(groups)
        try:
            yield terms
            terms.close()
            if not terms:
                raise UgbenchError(f"{calling_line()}: the phase '{name}' has no loss terms; leave it out.")
            self._update([self.optimizers[group] for group in groups], name, terms)
        finally:
            self._open = ""
            self._require_gradients(tuple(self.optimizers))

    def _require_gradients(self, groups: tuple[str, ...]) -> None:
        # If a network of another group required gradients, the backward pass would also compute them.
        for name, optimizer in self.optimizers.items():
            for parameter in optimizer.group.parameters:
                parameter.requires_grad_(name in groups)

    def _gradients(
        self, optimizers: list[GroupOptimizer], name: str, terms: dict[str, Tensor]
    ) -> tuple[dict[nn.Parameter, Gradient], Tensor]:
        """The gradient of each parameter that the loss terms of a phase depend on, and the sum of the terms."""
        first, *others = terms.values()
        total = sum(others, first)
        parameters = [parameter for optimizer in optimizers for parameter in optimizer.group.parameters]
        if self.loss_scale is None:
            return gradients_of(total, parameters, self._factored, name), total
        return self.loss_scale.gradients_of(total, parameters, self._factored, name, self.ranks), total

    def _update(self, optimizers: list[GroupOptimizer], name: str, terms: dict[str, Tensor]) -> None:
        gradients, total = self._gradients(optimizers, name, terms)
        values, total = [value.detach() for value in terms.values()], total.detach()
        if self.ranks.count > 1:
            numbers = torch.stack([value.to(total.dtype) for value in (*values, total)])
            gradients, means = averaged(gradients, numbers, self.ranks)
            *values, total = means.unbind()
        self.losses |= {f"{name}/{term}": value for term, value in zip(terms, values, strict=True)}
        self._step_of |= {f"{name}/{term}": self._step for term in terms}

        norms: list[Tensor] = [total]
        for optimizer in optimizers:
            of_group = {p: gradients[p] for p in optimizer.group.parameters if p in gradients}
            if not of_group:
                continue
            group_norms = norms_of(of_group.values())
            norms += group_norms
            if optimizer.group.clip_norm is not None:
                norm = torch.stack(group_norms).norm()
                gradients |= scaled(of_group, (optimizer.group.clip_norm / (norm + 1e-6)).clamp(max=1.0))
        finite = torch.isfinite(torch.stack([norm.to(total.dtype) for norm in norms])).all()
        torch.maximum(self.found_inf, (~finite).to(self.found_inf.dtype), out=self.found_inf)
        self.found_inf_after[name] = self.found_inf.clone()

        for optimizer in optimizers:
            update(optimizer, gradients, self.found_inf)
        # Fused optimizers do not tell autograd that they have changed the parameters. Without that, a later phase that
        # goes back through a graph with the old values would silently get wrong gradients.
        torch.autograd.graph.increment_version(list(gradients))
        # Networks that run in bfloat16 would otherwise use weights that were converted before the update.
        torch.clear_autocast_cache()
