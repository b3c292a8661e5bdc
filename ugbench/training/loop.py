"""The training loop, from top to bottom: make the state, resume from the last checkpoint, train steps, log and save.

The batch of a step is a pure function of the seed and the step. A run that is stopped at any step and resumed therefore
ends with the same bits, on the same machine with the same number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ugbench import registry
from ugbench.data.batches import Batches, StoredImages, method_batches
from ugbench.data.seeding import generator_for
from ugbench.errors import NonFiniteLoss, Stopped
from ugbench.method import Method
from ugbench.runs import checkpoint, method_description
from ugbench.runs.failure import record_failure
from ugbench.runs.json_file import flush_to_disk, write_json
from ugbench.runs.reset import remove_unfinished, reset
from ugbench.runs.run import Run
from ugbench.tracker import Tracker
from ugbench.training import environment, resuming
from ugbench.training.callbacks import Callbacks
from ugbench.training.checkpoint_scores import score_checkpoint
from ugbench.training.counts import DescriptionWriter, count
from ugbench.training.frozen import fill_frozen
from ugbench.training.intervals import Intervals, SaveClock
from ugbench.training.logs import Logs
from ugbench.training.network_precision import run_networks_in
from ugbench.training.non_finite import NonFiniteFlag, NonFiniteStep
from ugbench.training.optimizers import (
    build_optimizers,
    learning_rate,
    load_state_tensors,
    never_updated,
    state_tensors,
)
from ugbench.training.samples import SampleGrids
from ugbench.training.signals import StopRequest, stop_on_signals
from ugbench.training.start import Start
from ugbench.training.step import Phases, train_step
from ugbench.training.tracking import Tracking, tracking

LOSSES = "losses"
"""The note of a checkpoint that holds the loss terms of the earlier steps of a period."""


@dataclass
class State:
    """What changes while a run trains: the networks, the optimizers (in `phases`), and the number of steps done."""

    method: Method
    phases: Phases
    step: int = 0


@dataclass(frozen=True)
class Images:
    """The images of a training.

    Attributes:
        a, b: all training images of each domain, uint8 (n, 3, s, s) with s = `training_size(size)`; with `fit=crop` a
            list of (3, h, w), of which the shorter side is s.
        samples: a few images of each domain, "A" and "B", to draw sample grids from: uint8 (n, 3, size, size). The
            domains need not have equally many.
        extra: the training images of further splits, by the names that the method has for them, as `a` and `b`.
    """

    a: StoredImages
    b: StoredImages
    samples: dict[str, Tensor] = field(default_factory=dict)
    extra: dict[str, StoredImages] = field(default_factory=dict)


@dataclass(frozen=True)
class _Training:
    """What stays the same while a run trains; `intervals` are resolved, `resumed_from` is what `train` returns."""

    run: Run
    batches: Batches
    samples: SampleGrids
    intervals: Intervals
    callbacks: Callbacks
    stop: StopRequest
    tracking: Tracking
    resumed_from: int | None


def train(
    run: Run,
    images: Images,
    device: torch.device,
    intervals: Intervals | None = None,
    callbacks: Callbacks | None = None,
    start: Start | None = None,
    restart: bool = False,
    trackers: Mapping[str, Tracker] | None = None,
) -> int | None:
    """Train a run to its last step, resuming from its last undamaged checkpoint if there is one.

    Args:
        start: the weights of frozen networks, and what the run takes from another one if it has no checkpoint; None for
            new weights.
        restart: remove what training and scoring wrote for the run, and begin at step 0. Nothing is removed before
            everything that the first step needs is made, and the lock is held from then on.
        trackers: show the training too, by their names.
    Returns:
        The step that training resumed from, None if it began at step 0.
    Raises:
        Stopped: a signal that asks to stop was received (see signals.py); the state is saved.
        NonFiniteLoss: a loss or gradient became NaN or Inf; the state of the last finite step is saved.
        RunError: another process trains this run, or, with `restart`, scores it.
        WeightsError: a frozen network has no weights.
        UgbenchError: the disk refuses a file, or a tracker cannot be started.
    """
    intervals, callbacks = (intervals or Intervals()).resolved(run.steps), callbacks or Callbacks()
    start = start or Start()
    generators = [device] if device.type == "cuda" else []
    with (
        run.training_lock(),
        record_failure(run),
        stop_on_signals() as stop,
        torch.random.fork_rng(generators),
        tracking(run, trackers or {}, callbacks.log, restart) as tracked,
    ):
        state = new_state(run, device, start)
        # For a method that learns one direction `a` is the source, whichever domain that is.
        source, target = (images.b, images.a) if run.config.direction == "B2A" else (images.a, images.b)
        batches = method_batches(state.method, source, target, run.seed, device, images.extra)
        remove_unfinished(run)
        if restart:
            reset(run)
        start.begin(run, device)
        resumed_from = _resume(state, run, intervals, callbacks.log)
        if resumed_from is None:
            start.check_is_used(run)
        if state.step >= run.steps:
            if not run.method_file.exists():  # an older version trained the run
                method_description.write(run, count(run.config.method, state.method.config))
            return resumed_from
        grids = SampleGrids(images.samples, run.directions(), callbacks.log)
        training = _Training(run, batches, grids, intervals, callbacks, stop, tracked, resumed_from)
        try:
            _train_until(run.steps, state, training)
            for name in never_updated(state.phases.optimizers):
                callbacks.log(f"no phase has updated the group {name}: its parameters are those from before training.")
        except NonFiniteStep as error:
            callbacks.log(
                f"{error.term} is not finite at step {error.step}; repeating the steps since the last checkpoint to "
                "save the last finite state."
            )
            state = new_state(run, device, start)
            _resume(state, run, intervals, callbacks.log)
            _train_until(error.step - 1, state, training)
            _save(state, training)
            raise NonFiniteLoss(
                f"step {error.step}: {error.term} became NaN or Inf; the state of step {state.step} is kept in "
                f"{run.checkpoint(state.step)}; train with a smaller learning rate (--set lr=…)."
            ) from None
        return resumed_from


def new_state(run: Run, device: torch.device, start: Start) -> State:
    """The state before the first step; new weights depend only on the run's seed, not on the device.

    Raises:
        WeightsError: a frozen network has no weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(run.seed, "weights").initial_seed())
        method = registry.load_method(run.config.method)(run.config.method_config())
    if start.initial is not None:
        method.load_state_dict(dict(start.initial), strict=False)  # prepare has checked what is missing
    fill_frozen(method, start.frozen)
    method.to(device)
    run_networks_in(method, run.config.precision, device)
    return State(method, Phases(build_optimizers(method), method.period))


def _resume(state: State, run: Run, intervals: Intervals, log: Callable[[str], None]) -> int | None:
    """Load the newest undamaged checkpoint into `state` and return its step; None if the run begins at step 0.

    Raises:
        RunError: a checkpoint does not fit the method, or all checkpoints of a run that was saved are gone.
    """
    saved = checkpoint.load_latest(run.checkpoints, log)
    if saved is None:
        resuming.check_nothing_is_lost(run, intervals)
        write_json(run.environment_file, environment.describe(state.phases.found_inf.device, run.config.method))
        return None
    resuming.check_fit(run.checkpoint(saved.step), saved.parts["method"], state.method)
    state.method.load_state_dict(saved.parts["method"])
    load_state_tensors(state.phases.optimizers, saved.parts["optimizer"])
    state.phases.restore_losses(saved.notes.get(LOSSES, {}))
    state.step = saved.step
    if saved.step < run.steps:
        log(f"training goes on from step {saved.step} of {run.steps}.")
    threads = saved.notes.get("threads", torch.get_num_threads())
    if threads != torch.get_num_threads():
        log(f"This run began with {threads} threads; they are used again, so that its bits stay the same.")
        torch.set_num_threads(threads)
    here = torch.backends.cpu.get_cpu_capability()
    if (before := saved.notes.get("instruction_set", here)) != here:
        log(f"This run began on a {before} processor: going on here is not bit-exact.")
    resuming.repair_generators(run, state.method, saved.step, log)
    return saved.step


def _train_until(last_step: int, state: State, training: _Training) -> None:
    """Train until `last_step` steps are done; log, draw samples, save and score at their intervals.

    Raises:
        Stopped: a signal was received; the state is saved.
        NonFiniteStep: a loss or gradient was NaN or Inf.
    """
    run, intervals = training.run, training.intervals
    assert intervals.log_every and intervals.sample_every
    clock = SaveClock(intervals.save_seconds)
    with closing(Logs(run, state.step, training.tracking)) as logs:
        _score(state.step, training, logs)  # where a signal came before it was done
        previous_flag: NonFiniteFlag | None = None
        description = None if run.method_file.exists() else DescriptionWriter(run, state.method)
        while state.step < last_step:
            if training.stop.requested:
                if previous_flag is not None:
                    previous_flag.check()
                _save(state, training, extra=True)
                raise Stopped(
                    f"stopped and saved at step {state.step} of {run.steps}; run the same command again to go on.",
                    training.resumed_from,
                    training.stop.signal,
                )
            state.method.train()
            # Layers such as dropout draw from torch's own generator; so they too depend on the seed and the step alone.
            torch.manual_seed(generator_for(run.seed, "torch", state.step).initial_seed())
            with nullcontext() if description is None else description.counting():
                train_step(state.method, state.phases, training.batches.at(state.step))
            state.step += 1
            if description is not None and description.write_when_counted():
                description = None

            # The flag of the step before has already arrived, so that reading it does not wait for this step.
            flag = NonFiniteFlag(state.phases, state.step)
            if previous_flag is not None:
                previous_flag.check()
            previous_flag = flag
            at_end = state.step == run.steps
            values = None
            if state.step % intervals.log_every == 0 or at_end:
                flag.check()
                values = _logged_values(state)
                logs.write(state.step, values)
            if state.step % intervals.sample_every == 0 or at_end:
                flag.check()
                logs.show(state.step, training.samples.write(run.sample_file(state.step), state.method))
            is_regular = intervals.is_saved(state.step, run.steps)
            if is_regular or clock.is_due():
                flag.check()
                _save(state, training, extra=not is_regular and intervals.save_every is not None)
                _score(state.step, training, logs)
                clock.restart()
            training.callbacks.on_step(state.step, run.steps, values)


def _score(step: int, training: _Training, logs: Logs) -> None:
    """Score the checkpoint of a step, if it is one that is scored; one that has its scores keeps them.

    Raises:
        Stopped: a signal was received.
    """
    score, began = training.callbacks.score, time.perf_counter()
    if score is not None and training.intervals.is_scored(step, training.run.steps):
        scores = score_checkpoint(score, step, training.stop, training.callbacks.log, training.resumed_from)
        logs.leave_out(time.perf_counter() - began)
        logs.write_scores(step, scores)


def _logged_values(state: State) -> dict[str, float]:
    """The losses, learning rates and scalars of the last step, in this order, with one transfer to the host."""
    losses, optimizers = state.phases.losses, state.phases.optimizers
    tensors = losses | state.method.scalars()
    numbers = torch.stack([value.detach().float() for value in tensors.values()]).tolist()
    values = dict(zip(tensors, numbers, strict=True))
    rates = {f"lr/{name}": learning_rate(optimizer, state.step - 1) for name, optimizer in optimizers.items()}
    return {name: values[name] for name in losses} | rates | values


def _save(state: State, training: _Training, extra: bool = False) -> None:
    """Save a checkpoint of the last step, unless there is one, and the weights that translation needs.

    Args:
        extra: the checkpoint is not one of the regular ones; the next save removes it.
    """
    run = training.run
    if run.metrics_file.exists():  # must be on the disk before a checkpoint of the same step
        flush_to_disk(run.metrics_file)
    if state.step not in run.checkpoint_steps():
        notes = {"threads": torch.get_num_threads(), "instruction_set": torch.backends.cpu.get_cpu_capability()}
        notes |= {checkpoint.EXTRA: extra}
        if earlier := state.phases.earlier_losses():
            notes |= {LOSSES: earlier}
        parts = {"method": state.method.state_dict(), "optimizer": state_tensors(state.phases.optimizers)}
        checkpoint.save(run.checkpoints, checkpoint.Checkpoint(state.step, parts, notes))
        checkpoint.prune(run.checkpoints, training.intervals.keep)
    checkpoint.write_generators(run.generators_file, checkpoint.inference_state(state.method), state.step)
