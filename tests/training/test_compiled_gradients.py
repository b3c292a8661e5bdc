"""Compiled code whose gradients are wrong is noticed before it trains; rounding is not called wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func, nop
from method_cases import CPU, build
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch.fx import GraphModule
from toy_runs import Toy

from ugbench.contract.small_methods import phases_of, random_batch
from ugbench.device import Precision
from ugbench.errors import UgbenchError
from ugbench.method import Method
from ugbench.runs.run import Run
from ugbench.training import bench, compiling, state
from ugbench.training.compiled_gradients import check_gradients
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.execution import Execution
from ugbench.training.images import Images
from ugbench.training.loop import train
from ugbench.training.loss_scale import LossScale
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import state_tensors
from ugbench.training.step import Phases, train_step

# PyTorch looks at the gradient of inputs while it compiles, and hides the warning from users, but not from this setup.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
FULL: dict[str, Any] = {
    "size": 16,
    "channels": 2,
    "discriminator_channels": 2,
    "blocks": 1,
    "light": False,
    "batch_size": 1,
}
Backend = Callable[[GraphModule, Sequence[Tensor]], Callable[..., object]]


@pytest.fixture(autouse=True)
def _no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    # Where this log has a handler, as pytest gives each log one, all that is compiled is written to it as text.
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "handlers", [])


def times(factor: float) -> Backend:
    """A backend that multiplies all gradients by a factor."""

    def backward(graph: GraphModule, _inputs: Sequence[Tensor]) -> Callable[..., object]:
        return make_boxed_func(
            lambda *inputs: [value * factor if isinstance(value, Tensor) else value for value in graph(*inputs)]
        )

    made: Backend = aot_autograd(fw_compiler=nop, bw_compiler=backward)
    return made


def made(name: str, precision: Precision = "fp32", **fields: Any) -> tuple[Method, Phases]:
    torch.manual_seed(0)
    method = build(name, None, **fields).train()
    run_networks_in(method, precision, CPU)
    return method, phases_of(method)


def check(method: Method, phases: Phases, backend: Backend) -> None:
    batch = random_batch(method, method.config.batch_size, torch.float32, 1)
    check_gradients(method, phases, batch, CompiledNetworks(method, backend))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "fields"), [("cyclegan", {}), ("ugatit", FULL)])
@pytest.mark.parametrize("factor", [1.6, 0.4, float("nan")])
def test_wrong_gradients_are_one_sentence(name: str, fields: dict[str, Any], factor: float) -> None:
    method, phases = made(name, **fields)
    with pytest.raises(UgbenchError, match=r"^compile: the compiled networks compute other gradients .*--compile off"):
        check(method, phases, times(factor))


def test_the_sentence_names_the_parameter_the_phase_and_how_far_its_gradient_is_off() -> None:
    method, phases = made("cyclegan")
    with pytest.raises(UgbenchError) as raised:
        check(method, phases, times(3))
    with pytest.raises(UgbenchError, match=r"in the phase 'generators' is NaN; train with"):
        check(*made("cyclegan"), times(float("nan")))
    pattern = r"that of (\S+) in the phase '(\w+)' is off by (\d\S*) times"
    parameter, phase, times_its_norm = re.findall(pattern, str(raised.value))[0]
    assert parameter in dict(method.named_parameters()) and parameter.startswith(phase.removesuffix("s"))
    assert float(times_its_norm) >= 2


@pytest.mark.parametrize(("name", "fields"), [("cyclegan", {}), ("ugatit", FULL), ("unit", {"scales": 1})])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_right_gradients_pass_and_nothing_has_changed(name: str, fields: dict[str, Any], precision: Precision) -> None:
    method, phases = made(name, precision, **fields)
    train_step(method, phases, random_batch(method, method.config.batch_size, torch.float32, 0))
    tensors = {**method.state_dict(), **state_tensors(phases.optimizers)}
    before = {key: tensor.clone() for key, tensor in tensors.items()}
    losses, batch = dict(phases.losses), random_batch(method, method.config.batch_size, torch.float32, 1)
    generator = torch.get_rng_state()
    check_gradients(method, phases, batch, CompiledNetworks(method, "aot_eager"))
    after = {**method.state_dict(), **state_tensors(phases.optimizers)}
    assert all(after[key].equal(tensor) for key, tensor in before.items())
    assert phases.losses == losses and torch.get_rng_state().equal(generator)


def test_a_step_that_is_not_finite_without_the_compiler_is_not_its_fault() -> None:
    method, phases = made("cyclegan")
    nn.init.constant_(next(method.parameters()), float("nan"))
    check(method, phases, times(3))


def test_the_scale_of_float16_stays() -> None:
    method, phases = made("cyclegan")
    phases.loss_scale = LossScale(scale=2.0**8)
    batch = random_batch(method, method.config.batch_size, torch.float32, 1)
    check_gradients(method, phases, batch, CompiledNetworks(method, "aot_eager", keeps_graphs=True))
    assert phases.loss_scale == LossScale(scale=2.0**8)


@pytest.fixture
def compile_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings and measurements have gradients that are twice as large."""
    networks = partial(CompiledNetworks, backend=times(2))
    monkeypatch.setattr(state, "CompiledNetworks", networks)
    monkeypatch.setattr(compiling, "CompiledNetworks", networks)


@pytest.mark.usefixtures("compile_wrongly")
def test_a_training_ends_before_a_step_with_wrong_gradients(make_run: Callable[..., Run], images: Images) -> None:
    run = make_run()
    with pytest.raises(UgbenchError, match="other gradients"):
        train(run, images, CPU, execution=Execution(compile="on"))
    assert run.step() == 0


@pytest.mark.usefixtures("compile_wrongly")
def test_a_measurement_of_steps_with_wrong_gradients_ends(toy: type[Toy]) -> None:
    with pytest.raises(UgbenchError, match="other gradients"):
        bench.bench("toy", toy.make_config("smoke"), CPU, "fp32", steps=1, execution=Execution(compile="on"))
