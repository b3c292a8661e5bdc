"""A training whose steps are recorded and replayed is the training whose steps are computed, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from captured_runs import CAPTURED, CPU, EVERY_TWO, USUAL, contents, recorder, trained
from recorded_operations import RecordedOperations, radam_as_on_a_gpu
from toy_runs import Toy

from ugbench.contract.small_methods import random_batch
from ugbench.errors import NonFiniteLoss
from ugbench.method import Batch, Group, Phase
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training import capture
from ugbench.training.capture import WARM_UP, CapturedSteps
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

__all__ = ["recorder"]


def test_learning_rates_draws_and_the_moving_average_of_each_step_are_used(
    make_run: Callable[..., Run], images: Images, recorder: RecordedOperations
) -> None:
    usual = trained(make_run("usual", ema=0.9), images, USUAL)
    assert recorder.recorded == 0
    captured = trained(make_run("captured", ema=0.9), images, CAPTURED)
    assert captured == usual
    assert (recorder.warmed_up, recorder.recorded, recorder.replayed) == (WARM_UP, 1, 8 - WARM_UP)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "radam"])
def test_clipping_and_every_optimizer_are_recorded(
    optimizer: Any,
    make_run: Callable[..., Run],
    images: Images,
    recorder: RecordedOperations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    radam_as_on_a_gpu(monkeypatch)
    groups = Toy.groups

    def other_groups(self: Toy) -> dict[str, Group]:
        return {
            name: replace(group, optimizer=optimizer, momentum=0.5, clip_norm=0.01)
            for name, group in groups(self).items()
        }

    monkeypatch.setattr(Toy, "groups", other_groups)
    usual = trained(make_run("usual"), images, USUAL)
    assert trained(make_run("captured"), images, CAPTURED) == usual
    assert recorder.replayed == 8 - WARM_UP


@pytest.mark.parametrize("kills", [(1,), (3,), (5,), (6,), (5, 7)])
def test_a_captured_training_that_is_killed_and_started_again_ends_with_the_same_bits(
    kills: tuple[int, ...], make_run: Callable[..., Run], images: Images, recorder: RecordedOperations
) -> None:
    usual = trained(make_run("usual", ema=0.9), images, USUAL)
    assert trained(make_run("killed", ema=0.9), images, CAPTURED, *kills) == usual
    assert recorder.replayed > 0


@pytest.mark.parametrize(("place", "term"), [("loss", "generators/cycle"), ("gradient", "the gradient of generators")])
@pytest.mark.parametrize("explode_at", [WARM_UP + 1, 6])
def test_a_replayed_step_that_is_not_finite_changes_nothing_and_its_term_is_named(
    place: str,
    term: str,
    explode_at: int,
    make_run: Callable[..., Run],
    images: Images,
    recorder: RecordedOperations,
) -> None:
    ends = []
    every_four = Intervals(save_every=4, log_every=4, sample_every=100, keep=None)  # the flag is read a step later
    for execution in (USUAL, CAPTURED):
        run = make_run(execution.capture, explode_at=explode_at, explode_in=place)
        with pytest.raises(NonFiniteLoss, match=rf"^step {explode_at + 1}: {term} became NaN or Inf"):
            train(run, images, CPU, every_four, execution=execution)
        assert run.step() == explode_at
        ends.append((run.metrics_file.read_bytes(), contents(run)))
    assert ends[0] == ends[1]
    assert recorder.recorded >= 1


def test_replays_after_a_step_that_is_not_finite_change_no_parameter(toy: type[Toy]) -> None:
    method = toy(toy.make_config("paper", None, {"explode_at": 3, "batch_size": 1}))
    phases = Phases(build_optimizers(method))
    steps = CapturedSteps(method, phases, RecordedOperations(), warm_up=1)
    weights: list[str] = []
    for step in range(6):
        steps(random_batch(method, 1, step=step))
        weights.append(checkpoint.digest(dict(method.named_parameters())))
        assert phases.found_inf.item() == (step >= 3)
    assert len(set(weights[:3])) == 3
    assert len(set(weights[3:])) == 1  # the phase before the one that is not finite has updated its group


def test_the_recorded_step_is_freed_before_the_next_state_is_built(
    make_run: Callable[..., Run], images: Images, recorder: RecordedOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive, open_now = [], [0]

    class Counted(capture.CapturedSteps):
        def __init__(self, *arguments: Any) -> None:
            alive.append(open_now[0])
            open_now[0] += 1
            super().__init__(*arguments)

        def __del__(self) -> None:
            open_now[0] -= 1

    monkeypatch.setattr(capture, "CapturedSteps", Counted)
    with pytest.raises(NonFiniteLoss):
        train(make_run(explode_at=6), images, CPU, EVERY_TWO, execution=CAPTURED)
    assert alive == [0, 0]


class Slow(Toy):
    """The generator learns in every third step only."""

    period = 3

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            loss["real"] = (self.discriminator(batch.b) - batch.draws["coin"]).square().mean()
        if batch.step % self.period == 1:
            with phase("generators") as loss:
                loss["adversarial"] = (self.discriminator(torch.tanh(self.generator(batch.a))) - 1).square().mean()


@pytest.mark.parametrize("kills", [(), (11,)])
def test_each_place_in_a_period_is_recorded_for_itself(
    kills: tuple[int, ...],
    make_run: Callable[..., Run],
    images: Images,
    recorder: RecordedOperations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ugbench.registry.load_method", lambda _name: Slow)
    usual = trained(make_run("usual", steps=17), images, USUAL)
    assert trained(make_run("captured", steps=17), images, CAPTURED, *kills) == usual
    if not kills:
        assert (recorder.warmed_up, recorder.recorded, recorder.replayed) == (9, 3, 8)
