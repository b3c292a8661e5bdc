"""A step that a replay would not repeat is refused before it is trained, and the reason is said."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from captured_runs import CAPTURED, CPU, EVERY_TWO, USUAL, recorder, trained
from recorded_operations import RecordedOperations
from toy_runs import Toy

from ugbench.errors import CaptureRefused
from ugbench.method import Batch, Phase
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training.callbacks import Callbacks
from ugbench.training.capture import WARM_UP
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.place_in_period import PlaceInPeriod

__all__ = ["recorder"]


def with_numbers_of_the_step(method: Toy, batch: Batch) -> None:
    if batch.step > 100:
        method.done += 1


def with_the_number_in_a_tensor(method: Toy, batch: Batch) -> None:
    method.memory.mul_(torch.full((), batch.step))


def with_another_remainder(method: Toy, batch: Batch) -> None:
    method.done += batch.step % 2


def with_a_read(method: Toy, _batch: Batch) -> None:
    if method.memory.sum() > 100:
        method.done += 1


def with_a_number_of_the_host(method: Toy, _batch: Batch) -> None:
    method.memory.mul_(torch.tensor(1.0))


def with_a_new_buffer(method: Toy, _batch: Batch) -> None:
    method.memory = method.memory * 0.5


def with_a_counter(method: Toy, _batch: Batch) -> None:
    method.__dict__["counter"] = method.__dict__.get("counter", 0) + 1


def with_draws_of_python(method: Toy, _batch: Batch) -> None:
    method.memory.mul_(random.random())


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (
            with_numbers_of_the_step,
            r"_refusals\.py:\d+: the step depends on batch\.step in another way than by",
        ),
        (with_another_remainder, r"the step depends on batch\.step in another way than by .* \(batch\.step % 1\)"),
        (
            with_a_read,
            r": the step cannot be captured \(operation not permitted when stream is capturing \(aten::_local",
        ),
        (with_a_number_of_the_host, r": the step cannot be captured \(operation not permitted .*lift_fresh"),
        (
            with_the_number_in_a_tensor,
            r"_refusals\.py:\d+: the step cannot be captured \(full\(\): argument",
        ),
        (with_a_new_buffer, r"a step puts a new tensor in the place of memory, .* in place \(copy_\)"),
        (with_a_counter, r"a step changes the attribute counter, which a replay would not do"),
        (with_draws_of_python, r"a step changes Python's generator of random numbers, which a replay"),
    ],
)
def test_a_step_that_would_be_another_one_when_it_is_replayed_is_refused(
    extra: Callable[[Toy, Batch], None],
    reason: str,
    make_run: Callable[..., Run],
    images: Images,
    recorder: RecordedOperations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Toy.step

    def longer_step(self: Toy, batch: Batch, phase: Phase) -> None:
        extra(self, batch)
        step(self, batch, phase)

    monkeypatch.setattr(Toy, "step", longer_step)
    steps: list[int] = []
    with pytest.raises(CaptureRefused, match=reason):
        train(
            make_run(),
            images,
            CPU,
            EVERY_TWO,
            Callbacks(on_step=lambda done, _steps, _losses: steps.append(done)),
            execution=CAPTURED,
        )
    assert steps == list(range(1, WARM_UP + 1))
    assert recorder.replayed == 0


def test_a_step_that_draws_on_the_host_is_refused_where_the_device_has_a_generator_of_its_own(
    make_run: Callable[..., Run], images: Images, recorder: RecordedOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Toy.step

    def noisy_step(self: Toy, batch: Batch, phase: Phase) -> None:
        step(self, batch, phase)
        self.memory.add_(torch.rand(3))

    monkeypatch.setattr(Toy, "step", noisy_step)
    usual = trained(make_run("usual"), images, USUAL)
    # Here torch's generator is that of the device, which a replay moves as a step does.
    assert trained(make_run("captured"), images, CAPTURED) == usual
    recorder.has_own_generator = True
    with pytest.raises(CaptureRefused, match="a step changes torch's generator of random numbers on the processor"):
        train(make_run("refused"), images, CPU, EVERY_TWO, execution=CAPTURED)


def test_a_refused_recording_leaves_no_gradient_and_no_flag_behind(
    make_run: Callable[..., Run], images: Images, recorder: RecordedOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, methods = Toy.step, []

    def broken_step(self: Toy, batch: Batch, phase: Phase) -> None:
        methods.append(self)
        step(self, batch, phase)
        with_a_read(self, batch)

    monkeypatch.setattr(Toy, "step", broken_step)
    run = make_run()
    with pytest.raises(CaptureRefused):
        train(run, images, CPU, Intervals(save_every=WARM_UP, keep=None), execution=CAPTURED)
    method = methods[-1]
    assert all(parameter.grad is None and parameter.requires_grad for parameter in method.parameters())
    saved = checkpoint.load(run.checkpoint(WARM_UP)).parts["method"]
    assert checkpoint.digest(method.state_dict()) == checkpoint.digest(saved)


def test_only_the_place_in_the_period_is_known_of_a_recorded_step() -> None:
    number: Any = PlaceInPeriod(4, 6)
    assert [number % divisor for divisor in (1, 2, 3, 6)] == [0, 0, 1, 4]
    for use in (
        lambda: number % 4,
        lambda: number % 0,
        lambda: number // 6,
        lambda: number + 1,
        lambda: 1 - number,
        lambda: number == 4,
        lambda: number < 5,
        lambda: int(number),
        lambda: float(number),
        lambda: bool(number),
        lambda: f"{number}",
        lambda: {number: 1},
        lambda: [0, 1][number],
        lambda: divmod(number, 6),
    ):
        with pytest.raises(CaptureRefused, match=r"test_capture_refusals\.py:\d+: .*batch\.step % 6"):
            use()
