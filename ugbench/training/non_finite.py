"""Notices a training step whose loss or gradient was NaN or Inf, without waiting for the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ugbench.training.step import Phases


@dataclass(eq=False)
class NonFiniteStep(Exception):
    """The loss or gradient `term` was NaN or Inf at `step` (counted from 1)."""

    step: int
    term: str


class NonFiniteFlag:
    """Whether a step found NaN or Inf: copied to the host without waiting, and read by `check`.

    Args:
        phases: the phases of the step that was just trained.
        step: its number, counted from 1.
    """

    def __init__(self, phases: Phases, step: int) -> None:
        self._step, self._losses = step, phases.losses
        self._found_inf_after = phases.found_inf_after
        found_inf = phases.found_inf
        self._event: torch.cuda.Event | None = None
        if found_inf.is_cuda:
            self._host = torch.empty_like(found_inf, device="cpu", pin_memory=True)
            self._host.copy_(found_inf, non_blocking=True)
            self._event = torch.cuda.Event()
            # The stream of the flag's GPU, because the current GPU may be another one.
            self._event.record(torch.cuda.current_stream(found_inf.device))
        else:
            self._host = found_inf.clone()

    def check(self) -> None:
        """Raises NonFiniteStep with the first loss that was not finite, or the first phase with such a gradient."""
        if self._event is not None:
            self._event.synchronize()
        if not self._host.item():
            return
        for term, value in self._losses.items():
            if not torch.isfinite(value):
                raise NonFiniteStep(self._step, term)
        phase = next(name for name, found_inf in self._found_inf_after.items() if found_inf.item())
        raise NonFiniteStep(self._step, f"the gradient of {phase}")
