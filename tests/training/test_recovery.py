"""After a step that is not finite the last finite state is saved, also where repeated steps have other bits."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from toy_runs import Toy

from ugbench.errors import NonFiniteLoss
from ugbench.runs.run import Run
from ugbench.training import loop
from ugbench.training.callbacks import Callbacks
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.start import Start
from ugbench.training.state import State

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=100, keep=None)


def test_the_first_state_is_freed_before_the_next_one_is_built(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[weakref.ref[Any]] = []
    alive: list[int] = []
    new_state = loop.new_state

    def spy(run: Run, device: torch.device, start: Start, *others: Any) -> State:
        alive.append(sum(method() is not None for method in built))
        state = new_state(run, device, start, *others)
        state.method.__dict__["holder"] = state.method  # as a block that computes its activations again
        built.extend((weakref.ref(state.method), weakref.ref(state.phases.optimizers["generators"].optimizer)))
        return state

    monkeypatch.setattr(loop, "new_state", spy)
    with pytest.raises(NonFiniteLoss, match="the state of step 3 is kept"):
        train(make_run(explode_at=3), images, CPU, EVERY_TWO)
    assert alive == [0, 0]


def test_a_repeat_that_is_not_finite_earlier_is_repeated_again(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where the repeated steps need not have the bits of the first time."""
    run, explosions = make_run(explode_at=7), iter([7, 5, 100])
    step = Toy.step

    def step_with_other_bits(self: Toy, batch: Any, phase: Any) -> None:
        if batch.step in (0, 4):  # the first step of a training, and the first after the checkpoint
            self.__dict__["explosion"] = next(explosions) if batch.step == 4 else None
        object.__setattr__(self, "config", self.config.model_copy(update={"explode_at": self.__dict__["explosion"]}))
        step(self, batch, phase)

    monkeypatch.setattr(Toy, "step", step_with_other_bits)
    said: list[str] = []
    every_four = Intervals(save_every=4, log_every=1, sample_every=100, keep=None)
    with pytest.raises(
        NonFiniteLoss, match=r"^step 6: generators/cycle became NaN or Inf; the state of step 5 is kept"
    ):
        train(run, images, CPU, every_four, Callbacks(log=said.append))
    assert run.checkpoint_steps() == [4, 5]
    assert [text for text in said if "not finite" in text] == [
        f"generators/cycle is not finite at step {number}; repeating the steps since the last checkpoint to save the "
        "last finite state."
        for number in (8, 6)
    ]


def test_a_repeat_that_stays_finite_saves_the_state_before_the_step(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, new_state, built = make_run(explode_at=4), loop.new_state, []

    def finite_the_second_time(run: Run, device: torch.device, start: Start, *others: Any) -> State:
        state = new_state(run, device, start, *others)
        built.append(state.method)
        if len(built) > 1:
            state.method.config = state.method.config.model_copy(update={"explode_at": 100})
        return state

    monkeypatch.setattr(loop, "new_state", finite_the_second_time)
    with pytest.raises(NonFiniteLoss, match=r"^step 5: .* the state of step 4 is kept"):
        train(run, images, CPU, EVERY_TWO)
    assert run.checkpoint_steps() == [2, 4]
