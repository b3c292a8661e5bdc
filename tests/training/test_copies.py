"""A network that follows another one, as a copy or as buffers, trains, translates, and starts other runs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toy_runs import Toy, ToyConfig

from ugbench import registry
from ugbench.inference.translate import load, translate
from ugbench.method import Batch, Phase
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.runs.starting_point import StartingPoint
from ugbench.training.images import Images
from ugbench.training.initial_state import initial_tensors
from ugbench.training.loop import Intervals, train
from ugbench.training.start import Start
from ugbench.training.state import new_state

CPU = torch.device("cpu")
DECAY = 0.75


class WithCopy(Toy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)

    def step(self, batch: Batch, phase: Phase) -> None:
        super().step(batch, phase)
        with torch.no_grad():
            for slow, fast in zip((self.average.weight, self.average.bias), self.generator.parameters(), strict=True):
                slow.lerp_(fast, 1 - DECAY)

    def inference(self) -> dict[str, nn.Module]:
        return {"average": self.average}

    def translate(self, x: Tensor, direction: str, style: Tensor | None = None) -> Tensor:
        return torch.tanh(self.average(x))


class WithBuffers(WithCopy):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        for name, parameter in list(self.average.named_parameters()):
            delattr(self.average, name)
            self.average.register_buffer(name, parameter.data)


@pytest.fixture(params=[WithCopy, WithBuffers], autouse=True)
def method(request: pytest.FixtureRequest, toy: type[Toy], monkeypatch: pytest.MonkeyPatch) -> type[WithCopy]:
    monkeypatch.setattr(registry, "load_method", lambda _name: request.param)
    return request.param


def states(run: Run) -> list[dict[str, Tensor]]:
    steps = run.checkpoint_steps()
    return [checkpoint.load(run.checkpoint(step), only=("method",)).parts["method"] for step in steps]


def test_it_is_the_average_of_the_network_that_it_follows(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run(steps=5)
    average = new_state(run, CPU, Start()).method.state_dict()["generator.weight"].clone()
    train(run, images, CPU, Intervals(save_every=1, keep=None))
    for state in states(run):
        average = torch.lerp(average, state["generator.weight"], 1 - DECAY)
        torch.testing.assert_close(state["average.weight"], average, rtol=0, atol=0)
        assert not state["average.weight"].equal(state["generator.weight"])


def test_it_translates(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    train(run, images, CPU)
    loaded, step = load(run, CPU)
    (state,) = states(run)
    assert (step, loaded.average.weight.equal(state["average.weight"])) == (run.steps, True)
    (outputs,) = translate(loaded, images.samples["A"], "A2B")
    expected = torch.tanh(loaded.average(images.samples["A"].float() / 127.5 - 1))
    assert ((outputs[:, 0].float() / 127.5 - 1) - expected).abs().max() < 1 / 127
    assert run.generators_file.stat().st_size < run.checkpoint(step).joinpath("method.safetensors").stat().st_size


@pytest.mark.parametrize("init_only", [None, "generators"])
def test_it_is_taken_over_by_a_run_that_starts_from_this_one(
    init_only: str | None, make_run: Callable[..., Run], images: Images, tmp_path: Path
) -> None:
    run = make_run()
    train(run, images, CPU)
    config = make_run("next", seed=1).config.model_copy(update={"init_only": init_only})
    taken = initial_tensors(StartingPoint(run, run.steps), config, lambda _text: None)
    (state,) = states(run)
    assert taken["average.weight"].equal(state["average.weight"])
    assert ("generator.weight" in taken) == (init_only is None)
