"""`--compile auto` compiles where that was measured to pay, keeps to what a run began with, and survives a compiler."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.fx import GraphModule
from toy_runs import Crash, crash_after

from ugbench.device import Precision
from ugbench.errors import UgbenchError
from ugbench.runs import checkpoint
from ugbench.runs.json_file import read_json
from ugbench.runs.run import Run
from ugbench.training import compiling, state
from ugbench.training.callbacks import Callbacks
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.execution import Execution, Mode
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.request import Request
from ugbench.training.session import Session
from ugbench.training.start import Start

# PyTorch looks at the gradient of inputs while it compiles, and hides the warning from users, but not from this setup.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=4)
MakeRun = Callable[..., Run]


@pytest.fixture
def bf16_run(make_run: MakeRun) -> MakeRun:
    def make(name: str = "one", precision: Precision = "bf16", **fields: object) -> Run:
        run = make_run(name, **fields)
        return replace(run, config=run.config.model_copy(update={"precision": precision}))

    return make


@pytest.fixture(autouse=True)
def worth_compiling_from_eight_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy's runs have eight steps."""
    monkeypatch.setattr(compiling, "FEWEST_STEPS", 8)


@pytest.fixture
def compile_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """compile_with(backend): trainings compile with it, in place of C++."""

    # Where this log has a handler, as pytest gives each log one, all that is compiled is written to it as text.
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "handlers", [])

    def use(backend: object) -> None:
        torch._dynamo.reset()
        monkeypatch.setattr(state, "CompiledNetworks", partial(CompiledNetworks, backend=backend))

    return use


def session(run: Run, images: Images, mode: Mode = "auto") -> Session:
    folder = run.path.parent
    request = Request("toy", "d", folder, folder, CPU, "paper", execution=Execution(compile=mode))
    return Session(request, run, images, Start())


def broken(_graph: GraphModule, _inputs: object) -> Callable[..., object]:
    raise ValueError("no Python.h")


def test_runs_of_many_steps_in_bfloat16_on_a_cpu_are_compiled(bf16_run: MakeRun) -> None:
    long, short = bf16_run("long", steps=8), bf16_run("short", steps=7)
    decided = partial(compiling.decided, Execution())
    assert decided(long, CPU).compile == "on"
    assert decided(short, CPU).compile == "off"
    assert decided(bf16_run("wide", "fp32"), CPU).compile == "off"
    assert decided(long, torch.device("cuda")).compile == "off"
    assert decided(long, CPU, ranks=2).compile == "off"
    assert decided(bf16_run("again", checkpoint_activations=True), CPU).compile == "off"


def test_a_mode_that_is_given_stays(bf16_run: MakeRun) -> None:
    asked = Execution(compile="off", deterministic=True)
    assert compiling.decided(asked, bf16_run(), CPU) == asked
    assert compiling.decided(Execution(compile="on"), bf16_run(steps=1), CPU).compile == "on"


def test_without_a_compiler_nothing_is_compiled(bf16_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_missing_compiler", lambda _device: "no compiler")
    assert compiling.decided(Execution(), bf16_run(), CPU).compile == "off"


@pytest.mark.parametrize("began", ["on", "off"])
def test_a_run_goes_on_as_it_began(
    bf16_run: MakeRun, images: Images, compile_with: Callable[[object], None], began: Mode
) -> None:
    compile_with("aot_eager")
    run, said = bf16_run(steps=8 if began == "off" else 7), list[str]()
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_TWO, crash_after(4), execution=Execution(compile=began))
    session(run, images).train(EVERY_TWO, Callbacks(log=said.append))
    assert not any("bit-exact" in sentence for sentence in said)
    assert read_json(run.environment_file)["compiled"] is (began == "on")
    assert run.step() == run.steps


def test_a_run_that_begins_again_is_decided_anew(
    bf16_run: MakeRun, images: Images, compile_with: Callable[[object], None]
) -> None:
    compile_with("aot_eager")
    run = bf16_run()
    with pytest.raises(Crash):
        train(run, images, CPU, EVERY_TWO, crash_after(4), execution=Execution(compile="off"))
    assert compiling.decided(Execution(), run, CPU).compile == "off"
    assert compiling.decided(Execution(), run, CPU, restart=True).compile == "on"


def test_the_newest_resume_says_how_a_run_is_computed(
    bf16_run: MakeRun, images: Images, compile_with: Callable[[object], None]
) -> None:
    compile_with("aot_eager")
    run = bf16_run()
    for step, mode in ((2, "off"), (4, "on")):
        with pytest.raises(Crash):
            train(run, images, CPU, EVERY_TWO, crash_after(step), execution=Execution(compile=mode))
    assert compiling.decided(Execution(), run, CPU).compile == "on"


def test_a_compiler_that_fails_costs_nothing_but_its_time(
    bf16_run: MakeRun, images: Images, compile_with: Callable[[object], None]
) -> None:
    eager, run, said = bf16_run("eager"), bf16_run("run"), list[str]()
    train(eager, images, CPU, EVERY_TWO, execution=Execution(compile="off"))
    compile_with(broken)
    session(run, images).train(EVERY_TWO, Callbacks(log=said.append))
    assert "The networks cannot be compiled (no Python.h); the run goes on without (--compile off)." in said
    mine, wanted = (checkpoint.load(each.checkpoint(each.steps)).parts["method"] for each in (run, eager))
    assert all(mine[key].equal(tensor) for key, tensor in wanted.items())
    assert read_json(run.environment_file)["compiled"] is False


def test_a_compiler_that_was_asked_for_and_fails_ends_the_training(
    bf16_run: MakeRun, images: Images, compile_with: Callable[[object], None]
) -> None:
    compile_with(broken)
    with pytest.raises(UgbenchError, match=r"^compile: .*no Python\.h\); train with --compile off"):
        session(bf16_run(), images, "on").train(EVERY_TWO)
