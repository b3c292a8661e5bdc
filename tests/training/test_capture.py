"""A training whose steps are recorded and replayed is the training whose steps are computed, to the bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from recorded_operations import RecordedOperations, radam_as_on_a_gpu
from toy_runs import Crash, Toy, crash_after

from ugbench.contract.small_methods import random_batch
from ugbench.errors import CaptureRefused, NonFiniteLoss, UsageError
from ugbench.method import Batch, Group, Phase
from ugbench.nn.across_ranks import Ranks
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training import capture, cuda_graphs
from ugbench.training.callbacks import Callbacks
from ugbench.training.capture import WARM_UP, CapturedSteps, step_function
from ugbench.training.cuda_graphs import CudaRecorder
from ugbench.training.execution import Execution
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.loop import train
from ugbench.training.optimizers import build_optimizers
from ugbench.training.place_in_period import PlaceInPeriod
from ugbench.training.step import Phases

CPU = torch.device("cpu")
EVERY_TWO = Intervals(save_every=2, log_every=1, sample_every=3, keep=None)
CAPTURED, USUAL = Execution(capture="on"), Execution(capture="off")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> RecordedOperations:
    """What `Execution(capture="on")` records with."""
    operations = RecordedOperations()
    monkeypatch.setattr(capture, "CudaRecorder", lambda _device: operations)
    return operations


def trained(run: Run, images: Images, execution: Execution, *kills: int) -> tuple[bytes, dict[str, Any]]:
    """Train with a kill after each of these steps; the log, and the digests of all that the checkpoints hold."""
    for kill in kills:
        with pytest.raises(Crash):
            train(run, images, CPU, EVERY_TWO, crash_after(kill), execution=execution)
    train(run, images, CPU, EVERY_TWO, execution=execution)
    return run.metrics_file.read_bytes(), contents(run)


def contents(run: Run) -> dict[str, Any]:
    """What the checkpoints of a run hold, except whether its steps were captured."""
    saved = {step: checkpoint.load(run.checkpoint(step)) for step in run.checkpoint_steps()}
    digests = {
        f"{step} {part}": checkpoint.digest(tensors) for step, c in saved.items() for part, tensors in c.parts.items()
    }
    notes = {step: {key: note for key, note in c.notes.items() if key != "captured"} for step, c in saved.items()}
    return digests | {f"{step} notes": note for step, note in notes.items()}


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


def with_numbers_of_the_step(method: Toy, batch: Batch) -> None:
    if batch.step > 100:
        method.done += 1


def with_the_number_in_a_tensor(method: Toy, batch: Batch) -> None:
    method.memory.mul_(torch.full((), batch.step))


def with_another_remainder(method: Toy, batch: Batch) -> None:
    method.done += batch.step % 2


def with_a_read(method: Toy, _batch: Batch) -> None:
    if method.memory.sum() > 100:
        method.done += 1


def with_a_number_of_the_host(method: Toy, _batch: Batch) -> None:
    method.memory.mul_(torch.tensor(1.0))


def with_a_new_buffer(method: Toy, _batch: Batch) -> None:
    method.memory = method.memory * 0.5


def with_a_counter(method: Toy, _batch: Batch) -> None:
    method.__dict__["counter"] = method.__dict__.get("counter", 0) + 1


def with_draws_of_python(method: Toy, _batch: Batch) -> None:
    method.memory.mul_(random.random())


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (with_numbers_of_the_step, r"test_capture\.py:\d+: the step depends on batch\.step in another way than by"),
        (with_another_remainder, r"the step depends on batch\.step in another way than by .* \(batch\.step % 1\)"),
        (
            with_a_read,
            r": the step cannot be captured \(operation not permitted when stream is capturing \(aten::_local",
        ),
        (with_a_number_of_the_host, r": the step cannot be captured \(operation not permitted .*lift_fresh"),
        (with_the_number_in_a_tensor, r"test_capture\.py:\d+: the step cannot be captured \(full\(\): argument"),
        (with_a_new_buffer, r"a step puts a new tensor in the place of memory, .* in place \(copy_\)"),
        (with_a_counter, r"a step changes the attribute counter, which a replay would not do"),
        (with_draws_of_python, r"a step changes Python's generator of random numbers, which a replay"),
    ],
)
def test_a_step_that_would_be_another_one_when_it_is_replayed_is_refused(
    extra: Callable[[Toy, Batch], None],
    reason: str,
    make_run: Callable[..., Run],
    images: Images,
    recorder: RecordedOperations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Toy.step

    def longer_step(self: Toy, batch: Batch, phase: Phase) -> None:
        extra(self, batch)
        step(self, batch, phase)

    monkeypatch.setattr(Toy, "step", longer_step)
    steps: list[int] = []
    with pytest.raises(CaptureRefused, match=reason):
        train(
            make_run(),
            images,
            CPU,
            EVERY_TWO,
            Callbacks(on_step=lambda done, _steps, _losses: steps.append(done)),
            execution=CAPTURED,
        )
    assert steps == list(range(1, WARM_UP + 1))
    assert recorder.replayed == 0


def test_a_step_that_draws_on_the_host_is_refused_where_the_device_has_a_generator_of_its_own(
    make_run: Callable[..., Run], images: Images, recorder: RecordedOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Toy.step

    def noisy_step(self: Toy, batch: Batch, phase: Phase) -> None:
        step(self, batch, phase)
        self.memory.add_(torch.rand(3))

    monkeypatch.setattr(Toy, "step", noisy_step)
    usual = trained(make_run("usual"), images, USUAL)
    # Here torch's generator is that of the device, which a replay moves as a step does.
    assert trained(make_run("captured"), images, CAPTURED) == usual
    recorder.has_own_generator = True
    with pytest.raises(CaptureRefused, match="a step changes torch's generator of random numbers on the processor"):
        train(make_run("refused"), images, CPU, EVERY_TWO, execution=CAPTURED)


def test_a_refused_recording_leaves_no_gradient_and_no_flag_behind(
    make_run: Callable[..., Run], images: Images, recorder: RecordedOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, methods = Toy.step, []

    def broken_step(self: Toy, batch: Batch, phase: Phase) -> None:
        methods.append(self)
        step(self, batch, phase)
        with_a_read(self, batch)

    monkeypatch.setattr(Toy, "step", broken_step)
    run = make_run()
    with pytest.raises(CaptureRefused):
        train(run, images, CPU, Intervals(save_every=WARM_UP, keep=None), execution=CAPTURED)
    method = methods[-1]
    assert all(parameter.grad is None and parameter.requires_grad for parameter in method.parameters())
    saved = checkpoint.load(run.checkpoint(WARM_UP)).parts["method"]
    assert checkpoint.digest(method.state_dict()) == checkpoint.digest(saved)


def test_only_the_place_in_the_period_is_known_of_a_recorded_step() -> None:
    number: Any = PlaceInPeriod(4, 6)
    assert [number % divisor for divisor in (1, 2, 3, 6)] == [0, 0, 1, 4]
    for use in (
        lambda: number % 4,
        lambda: number % 0,
        lambda: number // 6,
        lambda: number + 1,
        lambda: 1 - number,
        lambda: number == 4,
        lambda: number < 5,
        lambda: int(number),
        lambda: float(number),
        lambda: bool(number),
        lambda: f"{number}",
        lambda: {number: 1},
        lambda: [0, 1][number],
        lambda: divmod(number, 6),
    ):
        with pytest.raises(CaptureRefused, match=r"test_capture\.py:\d+: .*batch\.step % 6"):
            use()


class Calls:
    """Stands for torch.cuda, and writes down what is called."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def Stream(self, device: torch.device) -> Any:
        return _Stream(self.said, f"side of {device}")

    def current_stream(self, device: torch.device) -> Any:
        return _Stream(self.said, f"current of {device}")

    def graph_pool_handle(self) -> str:
        return "pool"

    def CUDAGraph(self) -> Any:
        return _Graph(self.said)

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        self.said.append(f"on {stream.name}")
        try:
            yield
        finally:
            self.said.append(f"off {stream.name}")

    @contextmanager
    def graph(self, _graph: Any, pool: str, stream: Any, capture_error_mode: str) -> Iterator[None]:
        self.said.append(f"record in {pool} on {stream.name}, errors {capture_error_mode}")
        try:
            yield
        except RuntimeError:
            raise RuntimeError("operation failed due to a previous error during capture") from None
        self.said.append("end")


class _Stream:
    def __init__(self, said: list[str], name: str) -> None:
        self.said, self.name = said, name

    def wait_stream(self, other: Any) -> None:
        self.said.append(f"{self.name} waits for {other.name}")


class _Graph:
    def __init__(self, said: list[str]) -> None:
        self.said = said

    def replay(self) -> None:
        self.said.append("replay")


def test_a_gpu_warms_up_and_records_on_one_stream_with_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Calls()
    monkeypatch.setattr(cuda_graphs.torch, "cuda", cuda)
    recorder = CudaRecorder(torch.device("cuda:1"))
    recorder.warm_up(lambda: cuda.said.append("step"))
    assert cuda.said == [
        "side of cuda:1 waits for current of cuda:1",
        "on side of cuda:1",
        "step",
        "off side of cuda:1",
        "current of cuda:1 waits for side of cuda:1",
    ]
    for _ in range(2):
        cuda.said.clear()
        replay = recorder.record(lambda: cuda.said.append("step"))
        assert cuda.said == [
            "on side of cuda:1",
            "record in pool on side of cuda:1, errors thread_local",
            "step",
            "end",
            "off side of cuda:1",
        ]
    cuda.said.clear()
    replay()
    assert cuda.said == ["replay"]


def test_the_stream_is_restored_after_a_recording_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Calls()
    monkeypatch.setattr(cuda_graphs.torch, "cuda", cuda)

    def fail() -> None:
        raise RuntimeError("it waits")

    with pytest.raises(RuntimeError):
        CudaRecorder(torch.device("cuda")).record(fail)
    assert cuda.said[-1] == "off side of cuda"


def test_the_first_error_of_a_failed_recording_is_told() -> None:
    try:
        try:
            raise RuntimeError("operation not permitted when stream is capturing\nand more")
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")
    except RuntimeError as error:
        refused = capture._refusal(error)
    assert __file__ in str(refused)
    assert "the step cannot be captured (operation not permitted when stream is capturing); train" in str(refused)


def test_capture_needs_a_gpu_and_a_precision_without_a_loss_scale() -> None:
    Execution(capture="on").check(torch.device("cuda"), "bf16")
    Execution(capture="auto").check(CPU, "fp16")
    with pytest.raises(UsageError, match=r"capture on: only GPUs of NVIDIA replay steps, and the device is cpu"):
        Execution(capture="on").check(CPU, "bf16")
    with pytest.raises(UsageError, match=r"capture on: in fp16 the loss scale waits for the GPU"):
        Execution(capture="on").check(torch.device("cuda"), "fp16")


def test_steps_of_several_ranks_are_not_captured(toy: type[Toy]) -> None:
    method = toy(toy.make_config("paper"))
    phases = Phases(build_optimizers(method), ranks=Ranks(0, 2))
    with pytest.raises(UsageError, match="capture on: only a training on one GPU"):
        step_function(method, phases, CAPTURED)


def test_auto_captures_nothing_until_it_has_been_measured() -> None:
    assert [Execution(capture=mode).captures for mode in ("auto", "off", "on")] == [False, False, True]
