"""The training loop, from top to bottom: make the state, resume from the last checkpoint, train steps, log and save.

The batch of a step is a pure function of the seed and the step. A run that is stopped at any step and resumed therefore
ends with the same bits, on the same processor with the same number of threads. On a GPU that holds for a training that
is `deterministic` from its first step; otherwise the GPU's own algorithms do not repeat their bits.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from functools import partial

import torch

from ugbench.arithmetic import computing_on
from ugbench.data.batches import method_batches
from ugbench.data.seeding import generator_for
from ugbench.errors import NonFiniteLoss, Stopped
from ugbench.nn.across_ranks import ALONE, Ranks
from ugbench.runs import method_description
from ugbench.runs.run import Run
from ugbench.tracker import Tracker
from ugbench.training.batch_errors import batch_of, said_by_reader
from ugbench.training.callbacks import Callbacks
from ugbench.training.capture import step_function
from ugbench.training.checkpoint_scores import score_checkpoint
from ugbench.training.compiled_gradients import check_gradients
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.counts import DescriptionWriter, count
from ugbench.training.execution import Execution
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals, SaveClock
from ugbench.training.logs import Logs
from ugbench.training.non_finite import NonFiniteFlag, NonFiniteStep
from ugbench.training.opening import begin, hold, resume_begun
from ugbench.training.optimizers import learning_rate, never_updated
from ugbench.training.ranks import agreed, at_once, in_turn, on_first, said_once
from ugbench.training.read_ahead import ReadAhead
from ugbench.training.same_state import check_same_run, check_same_state
from ugbench.training.samples import SampleGrids
from ugbench.training.signals import StopRequest, stop_on_signals
from ugbench.training.start import Start
from ugbench.training.state import State, new_state, resume, save
from ugbench.training.tracking import Tracking


@dataclass(frozen=True)
class _Training:
    """What stays the same while a run trains; `intervals` are resolved, `resumed_from` is what `train` returns.

    `tracking` is None on other ranks than the first.
    """

    run: Run
    execution: Execution
    ranks: Ranks
    batches: ReadAhead
    samples: SampleGrids
    intervals: Intervals
    callbacks: Callbacks
    stop: StopRequest
    tracking: Tracking | None
    resumed_from: int | None


def train(
    run: Run,
    images: Images,
    device: torch.device,
    intervals: Intervals | None = None,
    callbacks: Callbacks | None = None,
    start: Start | None = None,
    restart: bool = False,
    execution: Execution | None = None,
    trackers: Mapping[str, Tracker] | None = None,
    ranks: Ranks = ALONE,
) -> int | None:
    """Train a run to its last step, resuming from its last undamaged checkpoint if there is one.

    Args:
        start: the weights of frozen networks, and what the run takes from another one if it has no checkpoint; None for
            new weights.
        restart: remove what training and scoring wrote for the run, and begin at step 0. Nothing is removed before the
            lock is held and everything that the first step needs is made.
        execution: how steps are computed, checked (`ugbench.training.prepare`); None for the default.
        trackers: show the training too, by their names.
        ranks: the processes that train the run together; each calls this function, on a device of its own. The first
            one alone writes, logs and scores, so that the others need no callbacks and no trackers.
    Returns:
        The step that training resumed from, None if it began at step 0.
    Raises:
        RankError: what is raised on another rank, see `ugbench.training.ranks`.
        Stopped: a signal that asks to stop was received (see signals.py); the state is saved.
        UgbenchError: `execution` asks for compiled networks, and they cannot be compiled or their gradients are wrong.
        CaptureRefused: the steps of the method cannot be captured, and `execution` asks for it.
        NonFiniteLoss: a loss or gradient became NaN or Inf; the state of the last finite step is saved.
        DataError: an image on the disk cannot be read; the state is saved.
        RunError: another process trains this run, or, with `restart`, scores it.
        WeightsError: a frozen network has no weights.
        UsageError: `execution.deterministic` comes too late for this process, see `ugbench.arithmetic.computing_on`.
        UgbenchError: the disk refuses a file, or a tracker cannot be started; or a process that reads images has ended,
            and the state is saved.
    """
    intervals, callbacks = (intervals or Intervals()).resolved(run.steps), callbacks or Callbacks()
    start, execution = start or Start(), execution or Execution()
    generators = [device] if device.type == "cuda" else []
    with (
        computing_on(device, deterministic=execution.deterministic),
        stop_on_signals(insist=ranks.count == 1) as stop,
        torch.random.fork_rng(generators),
        ExitStack() as held,
    ):
        tracked = on_first(ranks, partial(hold, held, run, trackers or {}, callbacks, restart))
        make_state = partial(new_state, run, device, start, ranks, execution.compiles, execution.captures)
        state = at_once(ranks, make_state)
        # For a method that learns one direction `a` is the source, whichever domain that is.
        source, target = (images.b, images.a) if run.config.direction == "B2A" else (images.a, images.b)
        part = ranks.part(state.method.config.batch_size)
        batches = method_batches(state.method, source, target, run.seed, device, images.extra, images.place, part)
        on_first(ranks, partial(begin, run, state.machine, start, restart))
        resumed_from = in_turn(ranks, partial(resume_begun, state, run, intervals, callbacks, start))
        check_same_run(ranks, run.path, run.id, state.step)
        if ranks.is_first and not run.method_file.exists() and (ranks.count > 1 or state.step >= run.steps):
            # Each rank counts the FLOPs of its own images only; and an older version may have trained a finished run.
            method_description.write(run, count(run.config.method, state.method.config))
        if state.step >= run.steps:
            return resumed_from
        grids = SampleGrids(images.samples, run.directions(), callbacks.log)
        ahead = ReadAhead(batches, images.readers)
        training = _Training(run, execution, ranks, ahead, grids, intervals, callbacks, stop, tracked, resumed_from)
        not_finite = _train_while_finite(run.steps, state, training)
        if not_finite is None:
            for name in never_updated(state.phases.optimizers):
                callbacks.log(f"no phase has updated the group {name}: its parameters are those from before training.")
            return resumed_from
        while not_finite is not None:
            callbacks.log(
                f"{not_finite.term} is not finite at step {not_finite.step}; repeating the steps since the last "
                "checkpoint to save the last finite state."
            )
            step, term = not_finite.step, not_finite.term
            # Freed before the next state is built, because the device may not have room for both. Networks may refer to
            # themselves, as blocks that compute their activations again do, so that only gc frees them.
            del state
            gc.collect()
            state = at_once(ranks, make_state)
            in_turn(ranks, partial(resume, state, run, intervals, callbacks.log))
            # On a GPU the repeated steps need not have the same bits: an earlier step may not be finite this time.
            not_finite = _train_while_finite(step - 1, state, training)
        on_first(ranks, partial(save, state, run, intervals.keep))
        raise said_once(
            ranks,
            NonFiniteLoss(
                f"step {step}: {term} became NaN or Inf; the state of step {state.step} is kept in "
                f"{run.checkpoint(state.step)}; train with a smaller learning rate (--set lr=…)."
            ),
        )


def _train_while_finite(last_step: int, state: State, training: _Training) -> NonFiniteStep | None:
    """`_train_until`, but a step that is not finite is returned, without its traceback, which would keep `state`."""
    try:
        _train_until(last_step, state, training)
    except NonFiniteStep as error:
        error.__context__ = None
        return error.with_traceback(None)
    return None


def _train_until(last_step: int, state: State, training: _Training) -> None:
    """Train until `last_step` steps are done; log, draw samples, save and score at their intervals.

    Raises:
        Stopped: a signal was received; the state is saved.
        NonFiniteStep: a loss or gradient was NaN or Inf.
        UgbenchError: an image cannot be read, or a process that reads images has ended; the state is saved.
    """
    run, intervals, ranks = training.run, training.intervals, training.ranks
    assert intervals.log_every and intervals.sample_every
    clock = SaveClock(intervals.save_seconds)
    take_step = step_function(state.method, state.phases, training.execution)
    first_step, unchecked = state.step, state.method.period
    with closing(training.batches), ExitStack() as opened:
        logs = None
        if training.tracking is not None:
            logs = opened.enter_context(closing(Logs(run, state.step, training.tracking)))
        _score(state.step, training, logs)  # a signal may have come before the checkpoint was scored
        previous_flag: NonFiniteFlag | None = None
        description = None
        if ranks.is_first and not run.method_file.exists():
            description = DescriptionWriter(run, state.method)
        while state.step < last_step:
            batch, error = batch_of(training.batches, state.step)
            asked = training.stop.signal or 0, 0 if error is None else error.exit_code
            signal, failure = agreed(ranks, asked)
            if signal:  # it may also have ended the processes that read images, so that there is no batch
                _save_between_steps(state, training, previous_flag)
                stopped = f"stopped and saved at step {state.step} of {run.steps}; run the same command again to go on."
                raise said_once(ranks, Stopped(stopped, training.resumed_from, signal))
            if batch is None or failure:
                _save_between_steps(state, training, previous_flag)
                training.callbacks.log(
                    f"stopped and saved at step {state.step} of {run.steps}; once this is repaired, the same command "
                    "goes on."
                )
                raise said_by_reader(ranks, training.batches, state.step, error, failure)
            state.method.train()
            # Layers such as dropout draw from torch's own generator; so they too depend only on the seed and the step.
            # The images of other ranks get other numbers.
            key = ("torch", state.step) if ranks.is_first else ("torch", state.step, ranks.rank)
            torch.manual_seed(generator_for(run.seed, *key).initial_seed())
            compiled = _compiled(state, description)
            if compiled is not None and unchecked:
                check_gradients(state.method, state.phases, batch, compiled)
                unchecked -= 1
            with _computing(compiled, description):
                take_step(batch)
            state.step += 1
            if state.average is not None:
                state.average.update(state.step)
            if description is not None and description.write_when_counted():
                description = None
            if state.step - first_step == state.method.period:
                check_same_state(ranks, state.method)

            # The flag of the step before has already arrived, so that reading it does not wait for this step.
            flag = NonFiniteFlag(state.phases, state.step)
            if previous_flag is not None:
                previous_flag.check()
            previous_flag = flag
            at_end = state.step == run.steps
            values = None
            if state.step % intervals.log_every == 0 or at_end:
                flag.check()
                if logs is not None:
                    values = _logged_values(state)
                    logs.write(state.step, values)
            if state.step % intervals.sample_every == 0 or at_end:
                flag.check()
                if logs is not None:
                    with nullcontext() if state.average is None else state.average.in_place():
                        logs.show(state.step, training.samples.write(run.sample_file(state.step), state.method))
            is_regular = intervals.is_saved(state.step, run.steps)
            if is_regular or any(agreed(ranks, (int(clock.is_due()),))):
                flag.check()
                extra = not is_regular and intervals.save_every is not None
                on_first(ranks, partial(save, state, run, intervals.keep, extra))
                _score(state.step, training, logs)
                clock.restart()
            training.callbacks.on_step(state.step, run.steps, values)


def _compiled(state: State, description: DescriptionWriter | None) -> CompiledNetworks | None:
    """The compiled networks, except in the first steps, as FLOPs are counted in eager steps only.

    Whether a step is compiled depends on its number, so that a run which was stopped before its first checkpoint
    repeats its bits.
    """
    return state.compiled if description is None and state.step >= state.method.period else None


def _computing(
    compiled: CompiledNetworks | None, description: DescriptionWriter | None
) -> AbstractContextManager[None]:
    """The context of a step."""
    if description is not None:
        return description.counting()
    return nullcontext() if compiled is None else compiled.in_use()


def _score(step: int, training: _Training, logs: Logs | None) -> None:
    """Score the checkpoint of a step on the first rank, if it is one that is scored; one that has its scores keeps
    them.

    Raises:
        Stopped: a signal was received.
    """
    if training.intervals.is_scored(step, training.run.steps):
        on_first(training.ranks, partial(_score_now, step, training, logs))


def _score_now(step: int, training: _Training, logs: Logs | None) -> None:
    score, began = training.callbacks.score, time.perf_counter()
    if score is not None and logs is not None:
        scores = score_checkpoint(score, step, training.stop, training.callbacks.log, training.resumed_from)
        logs.leave_out(time.perf_counter() - began)
        logs.write_scores(step, scores)
        if scores:
            values = ", ".join(f"{name.removeprefix('score/')} {value:.4g}" for name, value in scores.items())
            training.callbacks.log(f"scores at step {step}: {values}.")


def _logged_values(state: State) -> dict[str, float]:
    """The losses, learning rates and scalars of the last step, in this order, with one transfer to the host."""
    losses, optimizers = state.phases.losses, state.phases.optimizers
    tensors = losses | state.method.scalars()
    numbers = torch.stack([value.detach().float() for value in tensors.values()]).tolist()
    values = dict(zip(tensors, numbers, strict=True))
    rates = {f"lr/{name}": learning_rate(optimizer, state.step - 1) for name, optimizer in optimizers.items()}
    return {name: values[name] for name in losses} | rates | values


def _save_between_steps(state: State, training: _Training, flag: NonFiniteFlag | None) -> None:
    """Save a checkpoint that is not one of the regular ones, if the last step, whose flag this is, was finite."""
    if flag is not None:
        flag.check()
    on_first(training.ranks, partial(save, state, training.run, training.intervals.keep, extra=True))
