"""A method whose steps repeat after a period: what is logged, counted and timed of a step is that of a period."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from toy_runs import Toy

from ugbench import registry
from ugbench.method import Batch, Phase
from ugbench.runs import method_description
from ugbench.runs.run import Run
from ugbench.training.bench import bench
from ugbench.training.callbacks import Callbacks
from ugbench.training.counts import count
from ugbench.training.images import Images
from ugbench.training.loop import Intervals, train

CPU = torch.device("cpu")


class Slow(Toy):
    """The generator learns in every third step only, and then twice."""

    period = 3

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            loss["real"] = (self.discriminator(batch.b) - 1).square().mean()
        if batch.step % self.period == 1:
            for _ in range(2):
                with phase("generators") as loss:
                    loss["adversarial"] = (self.discriminator(torch.tanh(self.generator(batch.a))) - 1).square().mean()


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch, toy: type[Toy]) -> None:
    monkeypatch.setattr(registry, "load_method", lambda _name: Slow)


class Killed(Exception):
    pass


def trained(run: Run, images: Images, *kills: int) -> list[dict[str, float]]:
    """Train with a kill after each of these steps, saving and logging each step; returns the log."""
    intervals = Intervals(save_every=1, log_every=1, keep=None)
    for kill in kills:

        def on_step(step: int, _steps: int, _losses: Mapping[str, float] | None, kill: int = kill) -> None:
            if step == kill:
                raise Killed

        with pytest.raises(Killed):
            train(run, images, CPU, intervals, Callbacks(on_step=on_step))
    train(run, images, CPU, intervals)
    return [json.loads(line) for line in run.metrics_file.read_text(encoding="utf-8").splitlines()]


def test_a_line_has_the_last_value_of_each_term_within_a_period(make_run: Callable[..., Run], images: Images) -> None:
    log = trained(make_run(), images)
    real, adversarial = "discriminators/real", "generators/adversarial"
    assert len({line[real] for line in log}) == len(log) == 8
    assert adversarial not in log[0]
    values = [line[adversarial] for line in log[1:]]
    assert values[0:3] == [values[0]] * 3
    assert values[3:6] == [values[3]] * 3
    assert len(set(values)) == 3
    assert all(list(line)[1:3] == [real, adversarial] for line in log[1:])  # sorted


@pytest.mark.parametrize("kills", [(1,), (2,), (3,), (1, 2, 3, 4, 5, 6, 7)])
def test_a_log_that_was_interrupted_within_a_period_has_the_same_bytes(
    kills: tuple[int, ...], make_run: Callable[..., Run], images: Images
) -> None:
    whole, killed = make_run("whole"), make_run("killed")
    trained(whole, images)
    trained(killed, images, *kills)
    assert killed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()


def test_flops_are_means_over_a_period_on_shapes_in_bench_and_in_training(
    make_run: Callable[..., Run], images: Images
) -> None:
    run = make_run()
    trained(run, images, 2)
    description = method_description.read(run)
    config = run.config.method_config()
    measured = bench("slow", config, CPU, "fp32", steps=2, warmup_steps=1)
    assert description is not None and description.period == 3
    assert description == count("toy", config)
    assert description.flops_per_step == measured["flops_per_step"]
    assert (measured["steps"], measured["warmup_steps"]) == (3, 6)


def test_the_flops_of_a_period_are_those_of_its_steps(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_run().config.method_config()
    mean = count("toy", config).flops_per_step
    monkeypatch.setattr(Slow, "period", 1)  # its one step has no phase of the generator
    without = count("toy", config).flops_per_step
    assert mean is not None and without is not None
    assert mean > without
    monkeypatch.setattr(Slow, "step", lambda self, batch, phase: _twice(self, batch, phase))
    twice = count("toy", config).flops_per_step
    assert twice is not None
    assert mean == round((2 * without + twice) / 3)


def _twice(method: Slow, batch: Batch, phase: Phase) -> None:
    with phase("discriminators") as loss:
        loss["real"] = (method.discriminator(batch.b) - 1).square().mean()
    for _ in range(2):
        with phase("generators") as loss:
            loss["adversarial"] = (method.discriminator(torch.tanh(method.generator(batch.a))) - 1).square().mean()


class NeverComes(Slow):
    """Forgets that a step's number modulo 3 is at most 2."""

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            loss["real"] = (self.discriminator(batch.b) - 1).square().mean()
        if batch.step % self.period == 3:
            with phase("generators") as loss:
                loss["content"] = self.generator(batch.a).abs().mean()


def test_a_group_that_no_phase_has_updated_is_named_at_the_end(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    train(make_run("slow"), images, CPU, callbacks=Callbacks(log=said.append))
    assert said == []
    monkeypatch.setattr(registry, "load_method", lambda _name: NeverComes)
    train(make_run("never"), images, CPU, callbacks=Callbacks(log=said.append))
    assert said == ["no phase has updated the group generators: its parameters are those from before training."]


class WarmUp(Toy):
    """The discriminator, which comes first in a step, learns from the fourth step on."""

    def step(self, batch: Batch, phase: Phase) -> None:
        if batch.step >= 3:
            with phase("discriminators") as loss:
                loss["real"] = (self.discriminator(batch.b) - 1).square().mean()
        with phase("generators") as loss:
            loss["content"] = (self.generator(batch.a) - batch.a).abs().mean()


def test_a_log_that_was_interrupted_after_a_warm_up_has_the_same_bytes(
    make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load_method", lambda _name: WarmUp)
    whole, killed = make_run("whole"), make_run("killed")
    trained(whole, images)
    trained(killed, images, 2, 5)
    assert killed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()


class Penalized(Toy):
    """A gradient penalty: the norm of the critic's gradient at its input (Gulrajani et al. 2017)."""

    def step(self, batch: Batch, phase: Phase) -> None:
        with phase("discriminators") as loss:
            mixed = (0.5 * batch.a + 0.5 * batch.b).requires_grad_(True)
            (slope,) = torch.autograd.grad(self.discriminator(mixed).sum(), mixed, create_graph=True)
            loss["penalty"] = (slope.flatten(1).norm(dim=1) - 1).square().mean()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gradient_penalty_trains_and_is_measured(
    precision: str, make_run: Callable[..., Run], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load_method", lambda _name: Penalized)
    made = make_run()
    run = replace(made, config=made.config.model_copy(update={"precision": precision}))
    config = run.config.method_config()
    log = trained(run, images)
    assert log[-1]["discriminators/penalty"] < log[0]["discriminators/penalty"]
    description = method_description.read(run)
    assert description is not None
    assert description.flops_per_step == count("toy", config).flops_per_step
    assert description.flops_per_step == bench("toy", config, CPU, "fp32", steps=1)["flops_per_step"]
