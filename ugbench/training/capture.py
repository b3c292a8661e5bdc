"""Whole steps that are recorded once and replayed: `--capture on`.

A step of small networks takes the CPU longer than the GPU, because each of its thousands of operations is
launched by Python. A recorded step (a CUDA graph) is launched as a whole. A replay runs the same operations on the same
memory, so everything that differs from step to step is written into that memory before the replay:

- images, draws and further images of the batch are copied into those of the recording;
- learning rates are tensors, which `set_learning_rates` fills;
- random numbers of the GPU follow from the seed and the offset of torch's generator at the time of the replay.

What a step changes (parameters, buffers, the states of the optimizers, `Phases.found_inf`) it must change in place. The
losses are copied out after each replay, because the flag of a step is read after the next step has begun.

The moving average of the config field `ema` is updated after the replay. Its decay depends on the number of the step,
and it is one fused operation for all parameters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

import torch
from torch import Tensor

from ugbench.errors import CaptureRefused, UgbenchError
from ugbench.method import Batch, Method
from ugbench.training.cuda_graphs import CudaRecorder
from ugbench.training.execution import Execution
from ugbench.training.hidden_state import first_change, snapshot
from ugbench.training.method_lines import line_of
from ugbench.training.optimizers import set_learning_rates, state_tensors
from ugbench.training.place_in_period import PlaceInPeriod
from ugbench.training.step import Phases, compute_step, train_step

WARM_UP = 3
"""Steps at each place of the period that are computed as usual before one is recorded. They are steps of the training
like any others. Optimizers make their state in them, and libraries choose their algorithms; three are what PyTorch
recommends."""


class Recorder(Protocol):
    """Records what a function does on a device."""

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work where it will be recorded."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record the work without doing it, and return a function that does it.

        Raises:
            RuntimeError: the work cannot be recorded.
        """


@dataclass(frozen=True)
class _Recorded:
    """A recorded step: its replay, and the tensors that hold its results afterwards, see `Phases.results`."""

    replay: Callable[[], None]
    losses: Mapping[str, Tensor]
    found_inf_after: Mapping[str, Tensor]


class CapturedSteps:
    """Trains a method step by step as `ugbench.training.step.train_step` does, but replays what it has recorded.

    Everything that is loaded, such as a checkpoint, is loaded before the first step.

    Args:
        phases: made with the method's optimizers, and without a loss scale, which waits for the device.
        warm_up: see WARM_UP.
    """

    def __init__(self, method: Method, phases: Phases, recorder: Recorder, warm_up: int = WARM_UP) -> None:
        self._method, self._phases, self._recorder, self._warm_up = method, phases, recorder, warm_up
        self._visits: Counter[int] = Counter()
        self._recorded: dict[int, _Recorded] = {}
        self._inputs: Batch | None = None

    def __call__(self, batch: Batch) -> None:
        """Train the step of a batch.

        Raises:
            CaptureRefused: the step cannot be recorded; it has not been trained.
        """
        place = batch.step % self._method.period
        set_learning_rates(self._phases.optimizers, batch.step)
        self._phases.begin_step(batch.step)
        if self._visits[place] < self._warm_up:
            self._visits[place] += 1
            self._recorder.warm_up(lambda: compute_step(self._method, self._phases, batch))
        else:
            self._replay(place, batch)
        self._phases.end_step()

    def _replay(self, place: int, batch: Batch) -> None:
        if self._inputs is None:
            self._inputs = _copy_of(batch)
        for static, tensor in zip(_tensors(self._inputs), _tensors(batch), strict=True):
            static.copy_(tensor, non_blocking=True)
        if place not in self._recorded:
            self._recorded[place] = self._record(place, self._inputs)
        recorded = self._recorded[place]
        recorded.replay()
        results = [*recorded.losses.values(), *recorded.found_inf_after.values()]
        copies = torch.stack(results).unbind()
        losses = dict(zip(recorded.losses, copies, strict=False))
        found_inf_after = dict(zip(recorded.found_inf_after, copies[len(losses) :], strict=True))
        self._phases.take_results(losses, found_inf_after)

    def _record(self, place: int, inputs: Batch) -> _Recorded:
        method, phases = self._method, self._phases
        number = cast(int, PlaceInPeriod(place, method.period))
        static = Batch(inputs.a, inputs.b, inputs.draws, number, inputs.extra)
        seen, addresses = {**snapshot(method), **_host_generators()}, _addresses(method, phases)
        with _capturable(phases):
            try:
                replay = self._recorder.record(lambda: compute_step(method, phases, static))
            except UgbenchError:
                raise
            except Exception as error:  # of any type: the step did not raise it before it was recorded
                raise _refusal(error) from error
            finally:
                for optimizer in phases.optimizers.values():
                    optimizer.optimizer.zero_grad(set_to_none=True)
        if changed := first_change(seen, {**snapshot(method), **_host_generators()}):
            raise CaptureRefused(
                f"a step changes {changed}, which a replay would not do; use a persistent buffer or `draws()`, or "
                "train without capture."
            )
        if moved := first_change(addresses, _addresses(method, phases)):
            raise CaptureRefused(
                f"a step puts a new tensor in the place of {moved}, which a replay would not do; change the tensor in "
                "place (copy_), or train without capture."
            )
        return _Recorded(replay, *phases.results())


def step_function(method: Method, phases: Phases, execution: Execution) -> Callable[[Batch], None]:
    """What trains a method for the step of a batch, as `train_step` or as `CapturedSteps`.

    Args:
        phases: made with the method's optimizers; whatever is loaded into them is loaded before the first step.
        execution: checked (`Execution.check`).
    """
    if execution.captures:
        return CapturedSteps(method, phases, CudaRecorder(phases.found_inf.device))
    return partial(train_step, method, phases)


def _tensors(batch: Batch) -> list[Tensor]:
    return [batch.a, batch.b, *batch.draws.values(), *batch.extra.values()]


def _copy_of(batch: Batch) -> Batch:
    draws, extra = ({name: x.clone() for name, x in tensors.items()} for tensors in (batch.draws, batch.extra))
    return Batch(batch.a.clone(), batch.b.clone(), draws, batch.step, extra)


def _addresses(method: Method, phases: Phases) -> dict[str, object]:
    """Where each tensor that lasts from step to step is stored, by name."""
    lasting = {**dict(method.named_parameters()), **dict(method.named_buffers()), **state_tensors(phases.optimizers)}
    lasting["found_inf"] = phases.found_inf
    return {name: tensor.data_ptr() for name, tensor in lasting.items()}


def _host_generators() -> dict[str, object]:
    """The state of torch's generator on the CPU; `snapshot` has those of Python and NumPy."""
    return {"torch's generator of random numbers on the processor": torch.get_rng_state().numpy().tobytes()}


@contextmanager
def _capturable(phases: Phases) -> Iterator[None]:
    """Within the `with` block torch's optimizers do not refuse to be captured.

    With fused Adam the flag changes nothing that is computed, and RAdam has it on a GPU anyway. Outside of the block
    Adam does not have it, because torch warns of it in eager steps.
    """
    param_groups = [group for optimizer in phases.optimizers.values() for group in optimizer.optimizer.param_groups]
    before = [group.get("capturable") for group in param_groups]
    for group in param_groups:
        if "capturable" in group:
            group["capturable"] = True
    try:
        yield
    finally:
        for group, capturable in zip(param_groups, before, strict=True):
            if "capturable" in group:
                group["capturable"] = capturable


def _refusal(error: Exception) -> CaptureRefused:
    """The error of a failed recording. It names the first error, because the end of the recording raises another."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    line = line_of(error)
    return CaptureRefused(
        f"{f'{line}: ' if line else ''}the step cannot be captured ({reason}); train without capture."
    )
