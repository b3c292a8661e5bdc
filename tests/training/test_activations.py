"""With checkpoint_activations blocks keep their inputs alone, and a training ends with the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from drawn_images import make_data_set
from torch import Tensor, nn
from toy_runs import Toy

from ugbench import registry
from ugbench.contract.small_methods import random_batch
from ugbench.errors import UsageError
from ugbench.method import Group, Method
from ugbench.nn.block import Block
from ugbench.runs.run import Run
from ugbench.training import prepare
from ugbench.training.activations import checkpoint_activations
from ugbench.training.bench import bench
from ugbench.training.counts import count
from ugbench.training.estimate import estimate
from ugbench.training.loop import Images, train
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import build_optimizers, state_tensors
from ugbench.training.request import Request
from ugbench.training.step import Phases, train_step

CPU = torch.device("cpu")
ON = {"checkpoint_activations": True}
PRECISIONS = ("fp32", "bf16")
METHODS = [
    ("ugatit", None, {}),
    ("ugatit", "bin", {}),  # its blocks have running statistics
    ("ugatit", None, {"light": False}),
    ("cyclegan", None, {}),
    ("unit", None, {}),
    ("munit", "cycle", {}),
    ("cut", "fastcut", {}),
]


class Stateful(Block):
    """A block with a norm that has running statistics, and with random numbers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + nn.functional.dropout(self.norm(self.conv(x)).relu(), 0.5, self.training)


class WithBlocks(Toy):
    """Toy with a network that is a block itself, and another one that has a block."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.first = Stateful()
        self.generator = nn.Sequential(Stateful(), nn.Conv2d(3, 3, 3, padding=1))  # type: ignore[assignment]

    def groups(self) -> dict[str, Group]:
        generators = (*self.first.parameters(), *self.generator.parameters())
        return {**super().groups(), "generators": Group(generators, 1e-2)}

    def step(self, batch: Any, phase: Any) -> None:
        fake = self.generator(self.first(batch.a))
        with phase("discriminators") as loss:
            loss["fake"] = self.discriminator(fake.detach()).square().mean()
        # The running statistics move on before the backward pass computes the blocks again.
        again = self.generator(self.first(batch.b))
        with phase("generators") as loss:
            loss["adversarial"] = (self.discriminator(fake) - 1).square().mean() + again.square().mean()


def trained(method: Method, precision: str) -> dict[str, Tensor]:
    """The state after three steps on random images."""
    method.train()
    checkpoint_activations(method)
    run_networks_in(method, precision, CPU)  # type: ignore[arg-type]
    phases = Phases(build_optimizers(method), method.period)
    for step in range(3):
        torch.manual_seed(step)
        train_step(method, phases, random_batch(method, 2, step=step))
    return method.state_dict() | state_tensors(phases.optimizers)


def both_ways(method_class: type[Method], preset: str, variant: str | None, precision: str, **fields: Any) -> None:
    """Assert that a training with and without checkpoint_activations ends with the same bits."""
    states = []
    for on in (False, True):
        torch.manual_seed(0)
        overrides = {"batch_size": 2, "steps": 8, **fields, "checkpoint_activations": on}
        states.append(trained(method_class(method_class.make_config(preset, variant, overrides)), precision))
    different = [name for name, tensor in states[0].items() if not tensor.equal(states[1][name])]
    assert states[0].keys() == states[1].keys()
    assert different == []


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("name", "variant", "fields"), METHODS)
def test_a_training_ends_with_the_same_bits(
    name: str, variant: str | None, fields: dict[str, Any], precision: str
) -> None:
    both_ways(registry.load_method(name), "smoke", variant, precision, size=32, **fields)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_blocks_with_running_statistics_and_random_numbers_end_with_the_same_bits(precision: str) -> None:
    both_ways(WithBlocks, "paper", None, precision)


def test_blocks_are_computed_again_in_the_backward_pass_and_only_there() -> None:
    for on, calls in ((False, 2), (True, 4)):
        method = WithBlocks(WithBlocks.make_config("paper", None, {"checkpoint_activations": on}))
        checkpoint_activations(method)
        train_step(method, Phases(build_optimizers(method)), random_batch(method))
        assert method.first.calls == calls
        with torch.no_grad():
            method.first(torch.zeros(1, 3, 8, 8))
        assert method.first.calls == calls + 1


class Iterated(Block):
    """A block whose outputs depend on a buffer, which each forward pass in training changes, as in power iterations."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("count", torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return (x * self.weight * self.count.clone()).sin()


def test_a_graph_that_is_gone_through_twice_computes_with_the_buffers_of_its_forward_pass() -> None:
    gradients = []
    for on in (False, True):
        method = WithBlocks(WithBlocks.make_config("paper", None, {"checkpoint_activations": on}))
        method.first = block = Iterated()  # type: ignore[assignment]
        checkpoint_activations(method)
        out = block(torch.tensor(0.3))
        block(torch.tensor(0.4))
        gradients.append([torch.autograd.grad(out, [block.weight], retain_graph=True)[0] for _ in range(2)])
        assert block.count == 3
    assert gradients[0] == gradients[1]


@pytest.mark.parametrize(("name", "share"), [("ugatit", 0.55), ("cyclegan", 0.8), ("unit", 0.8), ("cut", 0.95)])
def test_a_step_keeps_less(name: str, share: float) -> None:
    method = registry.load_method(name)
    kept = [
        estimate(name, method.make_config("smoke", None, {"size": 32, "checkpoint_activations": on}), "fp32").saved
        for on in (False, True)
    ]
    assert kept[1] < share * kept[0]


def test_the_flops_of_a_step_have_those_of_the_second_forward_passes() -> None:
    method = registry.load_method("ugatit")
    off, on = (method.make_config("smoke", None, {"size": 32, **fields}) for fields in ({}, ON))
    flops = bench("ugatit", on, CPU, "fp32", steps=1)["flops_per_step"]
    assert flops == count("ugatit", on).flops_per_step
    assert flops > 1.1 * bench("ugatit", off, CPU, "fp32", steps=1)["flops_per_step"]


def test_a_method_without_blocks_is_refused(make_run: Callable[..., Run], images: Images) -> None:
    with pytest.raises(UsageError, match="checkpoint_activations=true: no network of this method has blocks"):
        train(make_run(**ON), images, CPU)


def test_a_run_may_go_on_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_method", lambda name: WithBlocks)
    folder = make_data_set(tmp_path / "data", trainA=2, trainB=2)
    runs = [
        prepare.prepare(Request("theirs", str(folder), tmp_path / "results", tmp_path, CPU, overrides=fields))[0]
        for fields in ({}, ON, {})
    ]
    assert len({(run.id, run.path) for run in runs}) == 1
    assert [run.config.config["checkpoint_activations"] for run in runs] == [False, True, False]
    stored = json.loads((runs[0].path / "config.json").read_text(encoding="utf-8"))
    assert stored["config"]["checkpoint_activations"] is False
