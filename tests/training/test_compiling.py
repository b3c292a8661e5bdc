"""Compiled networks train as eager ones do, with one graph for each kind of call and no gradients of other groups.

Most tests use the backend `aot_eager`, which makes the same graphs as the default one and runs them without C++.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from functorch.compile import nop
from method_cases import CPU, build
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.utils import counters
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler
from torch.fx import GraphModule
from toy_runs import Crash, Toy, crash_after

from ugbench import registry
from ugbench.contract.small_methods import phases_of, random_batch
from ugbench.errors import UgbenchError, UsageError
from ugbench.method import Batch, Group, Method, parameters_of
from ugbench.nn.upsampling import UpsampleConv2d
from ugbench.runs import checkpoint
from ugbench.runs.json_file import read_json
from ugbench.runs.run import Run
from ugbench.training import compiling, state
from ugbench.training.bench import bench
from ugbench.training.callbacks import Callbacks
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.execution import Execution
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.loss_scale import LossScale
from ugbench.training.network_precision import run_networks_in
from ugbench.training.prepare import prepare
from ugbench.training.request import Request
from ugbench.training.step import Phases, train_step

# PyTorch looks at the gradient of inputs while it compiles, and hides the warning from users, but not from this setup.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")

STEPS = 6
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=4, keep=None)
COMPILED, EAGER = Execution(compile="on"), Execution(compile="off")
# Between them they have lists of features that a call selects, blurs, several scales, spectral norms whose buffers
# change in each pass, CAM, AdaLIN, layers whose gradients stay in factors, and norms that a flag leaves out.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("aggan", {"size": 16}),
    ("cyclegan", {}),
    ("cut", {}),
    ("unit", {"scales": 1}),
    ("ugatit", {"size": 16, "channels": 2, "discriminator_channels": 2, "light": False, "batch_size": 1}),
]


@pytest.fixture(autouse=True)
def _no_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    counters.clear()
    # Where this log has a handler, as pytest gives each log one, all that is compiled is written to it as text.
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "handlers", [])


@pytest.fixture
def cpp_compiler() -> None:
    """The compiler of the default backend."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed: apt install g++")


def graphs() -> int:
    """The number of graphs that were made in this test."""
    return counters["stats"]["unique_graphs"]


def small(name: str, **fields: Any) -> Method:
    torch.manual_seed(0)
    return build(name, None, **fields)


def steps_of(method: Method, compiled: CompiledNetworks | None) -> list[int]:
    """Train a method, and return the number of graphs after each step."""
    phases, made = phases_of(method), []
    dtype = next(method.parameters()).dtype
    for step in range(STEPS):
        torch.manual_seed(step)
        batch = random_batch(method, method.config.batch_size, dtype, step)
        if compiled is None:
            train_step(method, phases, batch)
        else:
            with compiled.in_use():
                train_step(method, phases, batch)
        made.append(graphs())
    return made


def assert_equal_states(one: Method, other: Method) -> None:
    for key, tensor in one.state_dict().items():
        # The gradient of a bias before an instance norm is 0 but for its rounding, which Adam scales up.
        tolerance = 1e-6 if key.endswith(".bias") else 1e-9
        torch.testing.assert_close(other.state_dict()[key], tensor, rtol=tolerance, atol=tolerance, msg=key)


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_six_steps_equal_eager_ones_in_float64_and_the_first_makes_all_graphs(
    name: str, fields: dict[str, Any]
) -> None:
    eager, method = small(name, **fields).double(), small(name, **fields).double()
    steps_of(eager, None)
    made = steps_of(method, CompiledNetworks(method, "aot_eager"))
    assert_equal_states(eager, method)
    assert made[0] > 0
    assert made == made[:1] * STEPS, "a later step made another graph"


@pytest.mark.usefixtures("cpp_compiler")
def test_the_default_backend_computes_the_same_in_float64() -> None:
    eager, method = small("cyclegan").double(), small("cyclegan").double()
    steps_of(eager, None)
    made = steps_of(method, CompiledNetworks(method))
    assert_equal_states(eager, method)
    assert made == made[:1] * STEPS


class Recorder:
    """A backend that notes, for each backward graph, which convolutions compute the gradients of their weights."""

    def __init__(self) -> None:
        self.weights: list[list[bool]] = []
        self.backend = aot_autograd(fw_compiler=nop, bw_compiler=self._note)

    def _note(self, graph: GraphModule, inputs: object) -> Callable[..., object]:
        convolutions = [node for node in graph.graph.nodes if "convolution_backward" in str(node.target)]
        self.weights.append([node.args[-1][1] for node in convolutions])
        return nop(graph, inputs)


class Pair(nn.Module):
    """Two generators of one kind and a discriminator, with a phase for each group."""

    period = 1

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 3, padding=1))
        self.back = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 3, padding=1))
        self.discriminator = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Tanh(), nn.Dropout(), nn.Conv2d(5, 1, 3))

    def groups(self) -> dict[str, Group]:
        return {
            "generators": Group(parameters_of(self.generator, self.back), 1e-2),
            "discriminators": Group(parameters_of(self.discriminator), 1e-2),
        }

    def step(self, batch: Batch, phase: Phases) -> None:
        fake, other = self.generator(batch.a), self.back(batch.b)
        self.type_of_fakes = fake.dtype
        with phase("discriminators") as loss:
            loss["fake"] = self.discriminator(fake.detach()).square().mean()
        with phase("generators") as loss:
            loss["real"] = (self.discriminator(fake) - 1).square().mean()
            loss["identity"] = (other - batch.b).square().mean()


def pair_after(steps: int, backend: Any = "aot_eager", precision: str = "fp32", **options: Any) -> tuple[Pair, Phases]:
    """Train a Pair; backend None computes eagerly."""
    torch.manual_seed(0)
    pair: Any = Pair()
    run_networks_in(pair, precision, CPU)  # type: ignore[arg-type]
    compiled = None if backend is None else CompiledNetworks(pair, backend, **options)
    phases = phases_of(pair)
    if precision == "fp16":
        phases.loss_scale = LossScale()
    images = torch.randn(2, 3, 12, 12)
    for step in range(steps):
        torch.manual_seed(step)
        with nullcontext() if compiled is None else compiled.in_use():
            train_step(pair, phases, Batch(images, images, {}, step))
    return pair, phases


@pytest.mark.usefixtures("cpp_compiler")
def test_upsampling_after_a_convolution_computes_the_same_in_the_layout_that_the_compiler_chooses() -> None:
    """The default backend lays out the pixels of wide convolutions in another way: 16 channels are enough."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(16, 16, 3), UpsampleConv2d(16, 8), nn.Conv2d(8, 4, 3)).double()
    x = torch.randn(1, 16, 10, 10, dtype=torch.float64)
    gradients = []
    for computed in (network, torch.compile(network)):
        network.zero_grad()
        computed(x).square().mean().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0, atol=1e-12)


def test_the_phase_of_the_generators_computes_no_weight_gradients_of_the_discriminators() -> None:
    recorder = Recorder()
    pair_after(3, recorder.backend)
    # The discriminators' own phase; then through the discriminator in the generators' phase, and through the generator.
    assert recorder.weights == [[True, True], [False, False], [True, True]]


@pytest.mark.usefixtures("cpp_compiler")
def test_dropout_draws_as_without_the_compiler() -> None:
    eager, compiled = pair_after(4, None)[0], pair_after(4, "inductor")[0]
    for key, tensor in eager.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[key], tensor, rtol=1e-5, atol=1e-5, msg=key)


def test_networks_run_in_bfloat16_and_give_float32_and_their_parts_enter_nothing() -> None:
    eager, compiled = pair_after(2, None, "bf16")[0], pair_after(2, "aot_eager", "bf16")[0]
    assert compiled.type_of_fakes == torch.float32
    assert (made := graphs()) == 4, "one for each generator, and one for the discriminator in each phase"
    for key, tensor in eager.state_dict().items():
        assert compiled.state_dict()[key].equal(tensor), key
    assert not torch.is_autocast_enabled("cpu")
    assert graphs() == made


def test_a_loss_scale_goes_back_through_a_compiled_network_twice() -> None:
    eager, compiled = pair_after(2, None, "fp16"), pair_after(2, "aot_eager", "fp16", keeps_graphs=True)
    assert compiled[1].loss_scale == eager[1].loss_scale
    for key, tensor in eager[0].state_dict().items():
        torch.testing.assert_close(compiled[0].state_dict()[key], tensor, rtol=0, atol=1e-3, msg=key)


def test_what_is_outside_a_step_stays_eager() -> None:
    pair, _ = pair_after(1)
    made = graphs()
    pair.generator(torch.randn(3, 3, 9, 9))
    with torch.no_grad():
        pair.eval().generator(torch.randn(1, 3, 20, 20))
    assert graphs() == made


def broken_backend(_graph: GraphModule, _inputs: object) -> Callable[..., object]:
    raise ValueError("no such kernel.\nMore lines")


def test_a_compiler_that_fails_is_one_sentence() -> None:
    with pytest.raises(UgbenchError, match=r"^compile: the networks cannot .*no such kernel\); train with"):
        pair_after(1, broken_backend)


def test_a_check_in_compiled_code_that_fails_is_one_sentence_and_one_of_the_method_is_not() -> None:
    """As the check of a layout that another kernel than PyTorch expects returns."""

    def backend_of(module: str) -> Callable[..., Callable[..., object]]:
        made: dict[str, Any] = {"__name__": module}
        exec("def compiled(*inputs):\n    raise AssertionError('expected size 3==4')", made)
        return lambda _graph, _inputs: made["compiled"]

    with pytest.raises(UgbenchError, match=r"^compile: the networks cannot .*expected size 3==4\); train with"):
        pair_after(1, backend_of("torch._inductor.runtime.runtime_utils"))
    torch._dynamo.reset()
    with pytest.raises(AssertionError, match="expected size 3==4"):
        pair_after(1, backend_of("method_of_a_user"))


class Penalised(Pair):
    """A Pair whose discriminator has a gradient penalty."""

    def step(self, batch: Batch, phase: Phases) -> None:
        images = batch.a.clone().requires_grad_()
        with phase("discriminators") as loss:
            (slope,) = torch.autograd.grad(self.discriminator(images).sum(), images, create_graph=True)
            loss["penalty"] = slope.square().mean()


def test_second_derivatives_are_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "Pair", Penalised)
    with pytest.raises(UgbenchError, match=r"^compile: .*double backward.*; train with --compile off"):
        pair_after(1)


@pytest.fixture
def aot_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings and measurements compile without C++."""
    networks = partial(CompiledNetworks, backend="aot_eager")
    monkeypatch.setattr(state, "CompiledNetworks", networks)
    monkeypatch.setattr(compiling, "CompiledNetworks", networks)


@pytest.fixture
def compiled_steps(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """An entry for each step that was computed compiled."""
    steps, in_use = list[None](), CompiledNetworks.in_use

    def counted(networks: CompiledNetworks) -> AbstractContextManager[None]:
        steps.append(None)
        return in_use(networks)

    monkeypatch.setattr(CompiledNetworks, "in_use", counted)
    return steps


def states(run: Run, step: int) -> dict[str, Tensor]:
    return dict(checkpoint.load(run.checkpoint(step)).parts["method"])


@pytest.mark.usefixtures("aot_eager")
def test_a_compiled_run_that_is_killed_ends_with_the_same_bits(
    make_run: Callable[..., Run], images: Images, compiled_steps: list[None]
) -> None:
    whole, killed = make_run("whole"), make_run("killed")
    train(whole, images, CPU, EVERY_TWO, execution=COMPILED)
    assert graphs() > 0
    assert len(compiled_steps) == whole.steps, "all but the first, and one for the check of the gradients"
    said: list[str] = []
    for step, compiled in ((1, 0), (5, 5)):  # before the first checkpoint, and after that of step 4
        compiled_steps.clear()
        with pytest.raises(Crash):
            train(killed, images, CPU, EVERY_TWO, crash_after(step), execution=COMPILED)
        assert len(compiled_steps) == compiled
    train(killed, images, CPU, EVERY_TWO, Callbacks(log=said.append), execution=COMPILED)
    assert not any("bit-exact" in sentence for sentence in said)
    assert killed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    assert all(states(killed, whole.steps)[key].equal(tensor) for key, tensor in states(whole, whole.steps).items())
    assert read_json(whole.environment_file)["compiled"] is True
    assert "resumed" not in read_json(killed.environment_file)


@pytest.mark.usefixtures("aot_eager")
@pytest.mark.parametrize(
    ("first", "then", "sentence"),
    [(COMPILED, EAGER, "on with eager networks"), (EAGER, COMPILED, "on with compiled networks")],
)
def test_a_resume_in_the_other_mode_says_that_it_is_not_bit_exact(
    make_run: Callable[..., Run], images: Images, first: Execution, then: Execution, sentence: str
) -> None:
    run, said = make_run(), list[str]()
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_TWO, crash_after(4), execution=first)
    train(run, images, CPU, EVERY_TWO, Callbacks(log=said.append), execution=then)
    (told,) = [text for text in said if "bit-exact" in text]
    assert sentence in told and "--compile" in told
    assert read_json(run.environment_file)["resumed"] == [{"step": 4, "compiled": then is COMPILED}]


@pytest.mark.usefixtures("aot_eager")
def test_the_bench_says_whether_it_compiled(toy: type[Toy]) -> None:
    config = toy.make_config("smoke")
    assert bench("toy", config, CPU, "fp32", steps=1, execution=EAGER)["compiled"] is False
    assert graphs() == 0
    assert bench("toy", config, CPU, "fp32", steps=1, execution=COMPILED)["compiled"] is True
    assert graphs() > 0


def test_without_a_compiler_on_is_refused_before_a_run_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    request = partial(Request, "cyclegan", "dial:size=32,train=2,test=1", tmp_path / "r", tmp_path / "d", CPU, "smoke")
    with pytest.raises(UsageError, match=r"^compile on: PyTorch finds no C\+\+ compiler .*; use --compile off"):
        prepare(request(execution=COMPILED))
    assert not list(tmp_path.glob("r/*/*/*"))
    run, _, _ = prepare(request())
    assert run.path.exists(), "auto trains without a compiler"


def test_blocks_that_are_computed_again_are_not_compiled() -> None:
    config = registry.load_method("ugatit").make_config("smoke", None, {"checkpoint_activations": True})
    with pytest.raises(UsageError, match="checkpoint_activations=true"):
        compiling.check(COMPILED, config, CPU)
