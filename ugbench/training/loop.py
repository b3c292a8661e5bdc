"""Training, from top to bottom: build the state, take up the last checkpoint, step, save.

The batch of a step is a pure function of the seed and the step, so a run that is stopped anywhere and started
again ends with the same bits, on the same machine with the same number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from ugbench import registry
from ugbench.data.batches import Batches
from ugbench.data.seeding import generator_for
from ugbench.device import autocast
from ugbench.errors import NonFiniteLoss, RunError, Stopped
from ugbench.method import Method
from ugbench.runs import checkpoint
from ugbench.runs.run import Run
from ugbench.training import environment, optimization, samples
from ugbench.training.logs import Logs
from ugbench.training.optimization import GroupOptimizer
from ugbench.training.phases import Phases
from ugbench.training.signals import StopRequest, stop_on_signals


@dataclass(frozen=True)
class Cadence:
    """How often a run saves, logs and draws samples, in steps; None picks it from the run's length.

    Nothing here changes what is learnt, so it is no part of a run's id.
    """

    save_every: int | None = None
    log_every: int | None = None
    sample_every: int | None = None
    keep: int | None = 2

    def resolved(self, steps: int) -> Cadence:
        """This cadence with every field set (`keep` None keeps every checkpoint)."""
        return Cadence(
            self.save_every or max(100, steps // 100),
            self.log_every or max(1, min(100, steps // 1000)),
            self.sample_every or max(1, steps // 10),
            self.keep,
        )


@dataclass(frozen=True)
class Watch:
    """Who is told while a run trains: `say` a sentence, `tick` the steps done and the losses when logged."""

    say: Callable[[str], None] = lambda _text: None
    tick: Callable[[int, int, Mapping[str, float] | None], None] = lambda _step, _steps, _losses: None


@dataclass(frozen=True)
class Outcome:
    """Steps done, and the step that training went on from (None where it began)."""

    step: int
    resumed_from: int | None


@dataclass
class State:
    """What changes while training."""

    method: Method
    optimizers: dict[str, GroupOptimizer]
    phases: Phases
    step: int = 0


@dataclass(frozen=True)
class Images:
    """uint8 images (n, 3, h, w): both training sets, and a few of each domain to draw samples of."""

    a: Tensor
    b: Tensor
    shown: dict[str, Tensor] = field(default_factory=dict)


def train(
    run: Run,
    images: Images,
    device: torch.device,
    cadence: Cadence | None = None,
    watch: Watch | None = None,
    initial: Mapping[str, Tensor] | None = None,
) -> Outcome:
    """Train a run to its last step, from its last whole checkpoint where it has one.

    Args:
        images: at the training size (see ugbench.data.batches).
        initial: a method state to start from instead of fresh weights (--init-from).
    Raises:
        Stopped: SIGINT or SIGTERM came; the state is saved.
        NonFiniteLoss: a loss or gradient became NaN or Inf; the state of the last finite step is saved.
        RunError: another process trains this run.
        UgbenchError: the disk refuses a file.
    """
    cadence, watch = (cadence or Cadence()).resolved(run.steps), watch or Watch()
    config = run.config.method_config()
    try:
        with FileLock(run.path / ".lock", timeout=0), stop_on_signals() as stop:
            state = new_state(run, device, initial)
            resumed_from = _take_up(state, run, watch)
            if state.step >= run.steps:
                return Outcome(state.step, resumed_from)
            # A method that learns one direction takes `a` for its source, whichever domain that is.
            source, target = (images.b, images.a) if run.config.direction == "B2A" else (images.a, images.b)
            batches = Batches(
                source,
                target,
                size=config.size,
                batch_size=config.batch_size,
                seed=run.seed,
                draws=state.method.draws(),
                device=device,
            )
            try:
                _advance(state, run.steps, run, batches, images, cadence, watch, stop)
            except _NonFinite as met:
                watch.say(f"{met.term} is not finite at step {met.step}; going back to keep the state before it.")
                state = new_state(run, device, initial)
                _take_up(state, run, watch)
                _advance(state, met.step - 1, run, batches, images, cadence, watch, stop)
                _save(state, run, cadence)
                raise NonFiniteLoss(
                    f"step {met.step}: {met.term} became NaN or Inf; the state of step {state.step} is kept in "
                    f"{run.checkpoints / str(state.step)}; train with a smaller learning rate (--set lr=…)."
                ) from None
            return Outcome(state.step, resumed_from)
    except Timeout:
        raise RunError(f"{run.path} is being trained by another process; wait for it or stop it.") from None


def new_state(run: Run, device: torch.device, initial: Mapping[str, Tensor] | None = None) -> State:
    """The state before the first step; its weights depend on the run's seed alone, not on the device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(run.seed, "weights").initial_seed())
        method = registry.load_method(run.config.method)(run.config.method_config())
    if initial is not None:
        method.load_state_dict(dict(initial))
    method.to(device)
    optimizers = optimization.build(method)
    return State(method, optimizers, Phases(optimizers))


def _take_up(state: State, run: Run, watch: Watch) -> int | None:
    """Load the newest whole checkpoint, if any; returns its step."""
    found = checkpoint.load_latest(run.checkpoints, watch.say)
    if found is None:
        checkpoint.write_json(run.path / "environment.json", environment.describe(state.phases.bad.device))
        return None
    state.method.load_state_dict(found.parts["method"])
    optimization.load_state_tensors(state.optimizers, found.parts["optimizer"])
    state.step = found.step
    threads = found.notes["threads"]
    if threads != torch.get_num_threads():
        watch.say(f"This run began with {threads} threads; they are used again, so that its bits stay the same.")
        torch.set_num_threads(threads)
    if (before := found.notes["instruction_set"]) != torch.backends.cpu.get_cpu_capability():
        watch.say(f"This run began on a {before} processor: going on here is not bit-exact.")
    return found.step


class _NonFinite(Exception):
    """Training met NaN or Inf in `term` at `step` (counted from 1)."""

    def __init__(self, step: int, term: str) -> None:
        super().__init__(step, term)
        self.step, self.term = step, term


def _advance(
    state: State,
    until: int,
    run: Run,
    batches: Batches,
    images: Images,
    cadence: Cadence,
    watch: Watch,
    stop: StopRequest,
) -> None:
    """Train until `until` steps are done, logging and saving on the way."""
    assert cadence.save_every and cadence.log_every and cadence.sample_every
    step_context = run.config.precision, state.phases.bad.device
    with Logs(run.path, state.step) as logs:
        before: _Flag | None = None
        while state.step < until:
            if stop.requested:
                if before is not None:
                    before.check()
                _save(state, run, cadence, logs)
                raise Stopped(
                    f"stopped and saved at step {state.step} of {run.steps}; run the same command again to go on."
                )
            batch = batches.at(state.step)
            optimization.set_rates(state.optimizers, state.step)
            state.phases.begin_step()
            state.method.train()
            with autocast(*step_context):
                state.method.step(batch, state.phases)
            state.step += 1

            # The flag of the step before has long arrived: looking at it does not wait for this step.
            flag = _Flag(state)
            if before is not None:
                before.check()
            before = flag
            last = state.step == run.steps
            logged = None
            if state.step % cadence.log_every == 0 or last:
                flag.check()
                logged = _values(state)
                logs.write(state.step, logged)
            if state.step % cadence.sample_every == 0 or last:
                flag.check()
                file = run.path / "samples" / f"{state.step:07d}.png"
                samples.write(file, state.method, images.shown, run.directions())
            if state.step % cadence.save_every == 0 or last:
                flag.check()
                _save(state, run, cadence, logs)
            watch.tick(state.step, run.steps, logged)


class _Flag:
    """Whether a step was finite: copied to the host without waiting, read when asked."""

    def __init__(self, state: State) -> None:
        self._step, self._losses, self._phases = state.step, state.phases.losses, state.phases.bad_after
        bad = state.phases.bad
        self._event: torch.cuda.Event | None = None
        if bad.is_cuda:
            self._host = torch.empty_like(bad, device="cpu", pin_memory=True)
            self._host.copy_(bad, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()
        else:
            self._host = bad.clone()

    def check(self) -> None:
        """Raises _NonFinite, naming the first term (or the gradient of the first phase) that was not finite."""
        if self._event is not None:
            self._event.synchronize()
        if not self._host.item():
            return
        for term, value in self._losses.items():
            if not torch.isfinite(value):
                raise _NonFinite(self._step, term)
        phase = next(name for name, bad in self._phases.items() if bad.item())
        raise _NonFinite(self._step, f"the gradient of {phase}")


def _values(state: State) -> dict[str, float]:
    """The losses, learning rates and scalars of the step just done, with one transfer to the host."""
    tensors = state.phases.losses | state.method.scalars()
    numbers = torch.stack([value.detach().float() for value in tensors.values()]).tolist()
    values = dict(zip(tensors, numbers, strict=True))
    rates = {f"lr/{name}": optimization.rate(group, state.step - 1) for name, group in state.optimizers.items()}
    losses = {name: values[name] for name in state.phases.losses}
    return losses | rates | {name: value for name, value in values.items() if name not in losses}


def _save(state: State, run: Run, cadence: Cadence, logs: Logs | None = None) -> None:
    if logs is not None:
        logs.flush_to_disk()
    if state.step not in checkpoint.steps(run.checkpoints):
        notes = {
            "threads": torch.get_num_threads(),
            "instruction_set": torch.backends.cpu.get_cpu_capability(),
        }
        parts = {"method": state.method.state_dict(), "optimizer": optimization.state_tensors(state.optimizers)}
        checkpoint.save(run.checkpoints, checkpoint.Checkpoint(state.step, parts, notes))
        checkpoint.prune(run.checkpoints, cadence.keep)
    checkpoint.write_generators(run.path / checkpoint.GENERATORS, state.method, state.step)
