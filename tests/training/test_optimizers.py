"""Each optimizer of a group is torch's own, changes nothing in a step that is not finite, and is stored exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ugbench.errors import RunError, UnknownName
from ugbench.method import OPTIMIZERS, Group
from ugbench.training.optimizers import build_optimizers, load_state_tensors, set_learning_rates, state_tensors
from ugbench.training.step import Phases

SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {"betas": (0.5, 0.9), "eps": 1e-6, "weight_decay": 0.1},
    "adamw": {"betas": (0.5, 0.9), "eps": 1e-6, "weight_decay": 0.1},
    "radam": {"betas": (0.5, 0.9), "eps": 1e-6, "weight_decay": 0.1},
    "sgd": {"momentum": 0.9, "weight_decay": 0.1},
}
TORCH: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "radam": torch.optim.RAdam,
    "sgd": torch.optim.SGD,
}
each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


class Pair(nn.Module):
    """Two parameters of one group; `settings` of the group."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, -2.0], [0.5, 3.0]]))
        self.bias = nn.Parameter(torch.tensor([0.25, -0.75]))
        self.name, self.settings = name, settings

    def groups(self) -> dict[str, Group]:
        schedule = lambda step: 1 / (1 + step)  # noqa: E731
        return {
            "all": Group((self.weight, self.bias), 0.1, schedule=schedule, optimizer=self.name, **self.settings)  # type: ignore[arg-type]
        }


def loss_of(pair: Pair, step: int) -> Tensor:
    return ((pair.weight @ pair.bias - step).square().sum() + pair.bias.sin().sum()) / 3


def train(pair: Pair, phases: Phases, steps: range, factor: float = 1.0) -> None:
    for step in steps:
        set_learning_rates(phases.optimizers, step)
        with phases("all") as loss:
            loss["x"] = loss_of(pair, step) * factor


def phases_of(pair: Pair) -> Phases:
    return Phases(build_optimizers(pair))  # type: ignore[arg-type]


def state_of(pair: Pair, phases: Phases) -> dict[str, list[Any]]:
    tensors = {**pair.state_dict(), **state_tensors(phases.optimizers)}
    return {name: tensor.tolist() for name, tensor in tensors.items()}


@each_optimizer
def test_ten_steps_are_those_of_torch(name: str) -> None:
    pair, plain = Pair(name, **SETTINGS[name]), Pair(name)
    train(pair, phases_of(pair), range(10))
    optimizer = TORCH[name](plain.parameters(), lr=0.1, **SETTINGS[name])
    for step in range(10):
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + step)
        optimizer.zero_grad()
        loss_of(plain, step).backward()
        optimizer.step()
    torch.testing.assert_close(pair.weight, plain.weight)
    torch.testing.assert_close(pair.bias, plain.bias)


def test_the_four_optimizers_differ() -> None:
    ends = []
    for name in OPTIMIZERS:
        pair = Pair(name, **SETTINGS[name])
        train(pair, phases_of(pair), range(10))
        ends.append(pair.weight.detach())
    assert all(not ends[i].allclose(ends[j], rtol=1e-3) for i in range(4) for j in range(i))


@each_optimizer
@pytest.mark.parametrize("done", [0, 7])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_changes_neither_parameters_nor_state(name: str, done: int, bad: float) -> None:
    pair = Pair(name, **SETTINGS[name])
    phases = phases_of(pair)
    train(pair, phases, range(done))
    before = state_of(pair, phases)
    train(pair, phases, range(done, done + 2), factor=bad)
    assert phases.found_inf.item() == 1
    after = state_of(pair, phases)
    assert {key: after[key] for key in before} == before
    assert all(not torch.tensor(after[key]).any() for key in after.keys() - before.keys())


@each_optimizer
def test_training_that_goes_on_from_stored_state_ends_with_the_same_bits(name: str) -> None:
    whole = Pair(name, **SETTINGS[name])
    phases = phases_of(whole)
    train(whole, phases, range(4))
    parameters = {key: tensor.clone() for key, tensor in whole.state_dict().items()}
    stored = {key: tensor.clone() for key, tensor in state_tensors(phases.optimizers).items()}
    train(whole, phases, range(4, 9))
    resumed = Pair(name, **SETTINGS[name])
    resumed.load_state_dict(parameters)
    resumed_phases = phases_of(resumed)
    load_state_tensors(resumed_phases.optimizers, stored)
    train(resumed, resumed_phases, range(4, 9))
    assert state_of(resumed, resumed_phases) == state_of(whole, phases)


def test_sgd_without_momentum_keeps_no_state() -> None:
    pair = Pair("sgd")
    phases = phases_of(pair)
    train(pair, phases, range(3))
    assert state_tensors(phases.optimizers) == {}
    load_state_tensors(phases.optimizers, {})
    train(pair, phases, range(3, 4))


def test_the_state_of_another_optimizer_is_refused() -> None:
    adam, sgd = Pair("adam"), Pair("sgd", momentum=0.9)
    phases = phases_of(adam)
    train(adam, phases, range(1))
    with pytest.raises(RunError, match="the optimizer state has all/bias/exp_avg, which this method lacks"):
        load_state_tensors(phases_of(sgd).optimizers, state_tensors(phases.optimizers))


def test_a_group_names_one_of_the_known_optimizers() -> None:
    with pytest.raises(UnknownName, match="no optimizer is called 'adamm'; did you mean 'adam'"):
        Group((nn.Parameter(torch.zeros(1)),), 0.1, optimizer="adamm")  # type: ignore[arg-type]
