"""Training with gradients in factors is training with whole gradients, which are never formed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench import registry
from ugbench.errors import UgbenchError
from ugbench.method import OPTIMIZERS, Group
from ugbench.nn.factored_linear import FactoredGradient, FactoredLinear
from ugbench.training import factored_adam
from ugbench.training.bench import bench
from ugbench.training.counts import count
from ugbench.training.estimate import estimate
from ugbench.training.optimizers import build_optimizers, load_state_tensors, set_learning_rates, state_tensors
from ugbench.training.step import Phases

WIDTH = 24
each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
each_adam = pytest.mark.parametrize("name", ["adam", "adamw"])

Loss = Callable[["Wide", int], Tensor]


class Wide(nn.Module):
    """A layer from 24 features to 5, before a narrow one; `linear` is the class of the wide layer."""

    def __init__(self, linear: type[nn.Linear], name: str = "adam", **settings: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before = nn.Linear(3, WIDTH).double()
        self.wide = linear(WIDTH, 5).double()
        self.narrow = nn.Linear(5, 3).double()
        self.name, self.settings = name, {"weight_decay": 0.1, "betas": (0.5, 0.9), **settings}

    def groups(self) -> dict[str, Group]:
        schedule = lambda step: 1 / (1 + step)  # noqa: E731
        rest = (*self.before.parameters(), *self.narrow.parameters())
        return {
            "wide": Group(self.wide.parameters(), 0.1, schedule=schedule, optimizer=self.name, **self.settings),  # type: ignore[arg-type]
            "rest": Group(rest, 0.1),
        }

    def forward(self, x: Tensor) -> Tensor:
        return self.narrow(self.wide(self.before(x).relu()).tanh())


def images(step: int) -> Tensor:
    return torch.rand(2, 3, generator=torch.Generator().manual_seed(step), dtype=torch.float64)


def translation(method: Wide, step: int) -> Tensor:
    """Translation, identity and cycle: three terms, of two forward passes."""
    x, y = images(step), images(step + 100)
    fake, identity = method(torch.cat((x, y))).chunk(2)
    return (method(fake) - x).abs().mean() + (identity - y).abs().mean() + fake.sin().mean()


def weight_penalty(method: Wide, step: int) -> Tensor:
    """The weight is used in another way too."""
    return translation(method, step) + method.wide.weight.pow(4).sum()


def gradient_penalty(method: Wide, step: int) -> Tensor:
    """Second derivatives of the layer."""
    x = images(step).requires_grad_()
    (slope,) = torch.autograd.grad(method(x).sin().sum(), [x], create_graph=True)
    return translation(method, step) + (slope.norm() - 1).square()


def phases_of(method: Wide) -> Phases:
    return Phases(build_optimizers(method))  # type: ignore[arg-type]


def train(method: Wide, phases: Phases, steps: range, loss_of: Loss = translation, factor: float = 1.0) -> None:
    for step in steps:
        set_learning_rates(phases.optimizers, step)
        with phases("wide", "rest") as loss:
            loss["x"] = loss_of(method, step) * factor


def state_of(method: Wide, phases: Phases) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in (method.state_dict() | state_tensors(phases.optimizers)).items()}


def trained(linear: type[nn.Linear], loss_of: Loss = translation, **settings: Any) -> dict[str, Tensor]:
    """The state after six steps."""
    method = Wide(linear, **settings)
    phases = phases_of(method)
    train(method, phases, range(6), loss_of)
    return state_of(method, phases)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two rows, so that of the five rows one is left over."""
    monkeypatch.setattr(factored_adam, "BLOCK", 2 * WIDTH + 1)


@pytest.fixture
def no_whole_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_gradient: FactoredGradient) -> Tensor:
        raise AssertionError("a whole gradient was formed")

    monkeypatch.setattr(FactoredGradient, "dense", refuse)


@pytest.mark.usefixtures("no_whole_gradient")
@each_adam
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_six_steps_of_adam_equal_those_with_whole_gradients(name: str, clip_norm: float | None) -> None:
    factored, whole = (trained(kind, name=name, clip_norm=clip_norm) for kind in (FactoredLinear, nn.Linear))
    torch.testing.assert_close(factored, whole, atol=1e-9, rtol=0)


def test_clipping_decay_and_its_decoupling_each_change_the_result() -> None:
    settings: list[dict[str, Any]] = [{}, {"clip_norm": 0.05}, {"weight_decay": 0.0}, {"name": "adamw"}]
    ends = [trained(FactoredLinear, **each)["wide.weight"] for each in settings]
    assert all(not ends[i].allclose(ends[j], atol=1e-6) for i in range(4) for j in range(i))


@each_optimizer
def test_optimizers_that_need_whole_gradients_get_them(name: str) -> None:
    settings = {"momentum": 0.9} if name == "sgd" else {}
    factored, whole = (trained(kind, name=name, **settings) for kind in (FactoredLinear, nn.Linear))
    torch.testing.assert_close(factored, whole, atol=1e-9, rtol=0)


@pytest.mark.parametrize("loss_of", [weight_penalty, gradient_penalty])
def test_a_weight_that_a_loss_uses_in_another_way_too_has_the_sum_of_both_gradients(loss_of: Loss) -> None:
    factored, whole = (trained(kind, loss_of) for kind in (FactoredLinear, nn.Linear))
    torch.testing.assert_close(factored, whole, atol=1e-9, rtol=0)


@pytest.mark.parametrize("done", [0, 3])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_changes_neither_the_weight_nor_its_state(done: int, bad: float) -> None:
    method = Wide(FactoredLinear)
    phases = phases_of(method)
    train(method, phases, range(done))
    before = state_of(method, phases)
    train(method, phases, range(done, done + 2), factor=bad)
    after = state_of(method, phases)
    assert phases.found_inf.item() == 1
    assert all(after[name].equal(tensor) for name, tensor in before.items())
    assert not any(after[name].any() for name in after.keys() - before.keys())


@pytest.mark.parametrize("factor", ["outputs", "inputs"])
def test_a_gradient_that_is_not_finite_in_one_factor_alone_is_noticed(factor: str) -> None:
    """The loss is finite, and so are all gradients but that of the wide weight."""
    layer = FactoredLinear(4, 3, bias=False)
    method = nn.ModuleDict({"wide": layer})
    method.groups = lambda: {"wide": Group((layer.weight,), 0.1)}  # type: ignore[assignment, method-assign]
    phases = phases_of(method)  # type: ignore[arg-type]
    before = layer.weight.detach().clone()
    x = torch.ones(1, 4)
    with phases("wide") as loss:
        if factor == "inputs":
            x[0, 2] = float("inf")
            loss["x"] = torch.where(torch.tensor(False), layer(x), torch.ones(1, 3)).sum()
        else:  # the square root of 0 is finite, and its gradient is not
            loss["x"] = (layer(x) * 0).square().sum().sqrt()
    assert torch.isfinite(phases.losses["wide/x"])
    assert phases.found_inf.item() == 1
    assert layer.weight.equal(before)


def test_a_phase_of_another_group_leaves_no_terms_behind() -> None:
    ends = []
    for kind in (FactoredLinear, nn.Linear):
        method = Wide(kind)
        phases = phases_of(method)
        for step in range(3):
            made_before = translation(method, step)  # its graph reaches the weight of both phases
            with phases("rest") as loss:
                loss["x"] = made_before
            with phases("wide") as loss:
                loss["x"] = translation(method, step)
        ends.append(state_of(method, phases))
    torch.testing.assert_close(ends[0], ends[1], atol=1e-9, rtol=0)


def test_a_phase_that_goes_back_through_an_updated_factored_weight_is_refused() -> None:
    method = Wide(FactoredLinear)
    method.wide.bias = None
    phases = phases_of(method)
    made_before = translation(method, 0)
    with phases("wide") as loss:
        loss["x"] = translation(method, 0)
    with pytest.raises(UgbenchError, match="the phase 'rest' needs gradients through weights that an earlier phase"):  # noqa: SIM117
        with phases("rest") as loss:
            loss["x"] = made_before


def test_after_a_phase_no_factors_are_kept() -> None:
    method = Wide(FactoredLinear)
    phases = phases_of(method)
    train(method, phases, range(1))
    assert not phases.optimizers["wide"].optimizer.factored  # type: ignore[attr-defined]
    assert method.wide.terms is None


@each_adam
def test_training_that_goes_on_from_stored_state_ends_with_the_same_bits(name: str) -> None:
    method = Wide(FactoredLinear, name)
    phases = phases_of(method)
    train(method, phases, range(3))
    parameters, stored = (
        {k: v.clone() for k, v in t.items()} for t in (method.state_dict(), state_tensors(phases.optimizers))
    )
    train(method, phases, range(3, 6))
    resumed = Wide(FactoredLinear, name)
    resumed.load_state_dict(parameters)
    resumed_phases = phases_of(resumed)
    load_state_tensors(resumed_phases.optimizers, stored)
    train(resumed, resumed_phases, range(3, 6))
    whole, after = state_of(method, phases), state_of(resumed, resumed_phases)
    assert whole.keys() == after.keys()
    assert all(after[key].equal(tensor) for key, tensor in whole.items())


def test_the_state_has_the_names_shapes_and_types_of_an_optimizer_of_whole_gradients() -> None:
    factored, whole = (
        {name: (tensor.shape, tensor.dtype) for name, tensor in trained(kind).items()}
        for kind in (FactoredLinear, nn.Linear)
    )
    assert factored == whole


FULL = {"size": 16, "channels": 2, "discriminator_channels": 2, "blocks": 1, "light": False, "batch_size": 1}


def test_the_first_layer_of_a_full_generator_is_factored_and_that_of_a_light_one_is_not() -> None:
    method = registry.load_method("ugatit")
    for light in (False, True):
        generator = method(method.make_config("smoke", None, {**FULL, "light": light})).generator_a2b
        assert isinstance(generator.style.fc1, FactoredLinear) is not light


def test_flops_are_counted_on_shapes_as_in_a_real_step(monkeypatch: pytest.MonkeyPatch) -> None:
    config = registry.load_method("ugatit").make_config("smoke", None, FULL)
    flops = count("ugatit", config).flops_per_step
    assert bench("ugatit", config, torch.device("cpu"), "fp32", steps=1)["flops_per_step"] == flops
    monkeypatch.setattr(FactoredLinear, "forward", lambda self, x: F.linear(x, self.weight, self.bias))
    whole = count("ugatit", config).flops_per_step
    # The norm takes the products of 3 samples with each other, in each of two generators, of 8 outputs and 128 inputs.
    assert flops is not None and whole is not None and flops - whole == 2 * 2 * 3**2 * (8 + 128)


def test_the_estimated_memory_has_no_gradient_of_a_factored_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    config = registry.load_method("ugatit").make_config("smoke", None, FULL)
    factored = estimate("ugatit", config, "fp32")
    monkeypatch.setattr("ugatit.generator.FactoredLinear", nn.Linear)
    whole = estimate("ugatit", config, "fp32")
    width = 4 * FULL["channels"]
    assert whole.state - factored.state == 2 * 4 * width * (width * 4 * 4)
    assert (whole.checkpoint, whole.generators) == (factored.checkpoint, factored.generators)
