"""More steps for a run: `--continue-from RUN` begins a run at a checkpoint of a shorter or longer one.

The new run takes the networks, the state of the optimizers, the step and the logs up to that step. Its batches and its
learning rates are those of its own length. So if both runs have the same rates up to that step, it ends with the same
bits as a run that was started with the new length. All that is taken is copied into its folder when it begins, so that
it does not need the other run afterwards.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ugbench.errors import RunError, UsageError
from ugbench.method import Group
from ugbench.nn.state_dicts import first_not_finite
from ugbench.runs import checkpoint, jsonl
from ugbench.runs.config_fields import readable_config, with_later, without_free
from ugbench.runs.files import is_file
from ugbench.runs.json_file import flush_to_disk
from ugbench.runs.run import Run, RunConfig
from ugbench.runs.starting_point import StartingPoint
from ugbench.training import environment
from ugbench.training.initial_state import differing_fields, without_weights
from ugbench.training.machine import Machine

Schedule = Callable[[int], float]


def check_continued(start: StartingPoint, config: RunConfig, log: Callable[[str], None]) -> None:
    """Check that a run can continue from a checkpoint of another one.

    Args:
        config: of the run that begins.
        log: called with a sentence that says from where it goes on, and whether the learning rates fit.
    Raises:
        RunError: the other run is imported, or differs in more than its number of steps, or the checkpoint is damaged
            or not finite.
        UsageError: the new number of steps is not beyond the checkpoint.
    """
    earlier, steps = start.run.config, int(config.config["steps"])
    option = f"--continue-from {start.name}"
    if earlier.origin is not None:
        raise RunError(
            f"{option}: run {start.run.id} was imported and has no state of the optimizers; start a training from its "
            f"weights with --init-from {start.run.id}."
        )
    if earlier.method != config.method:
        raise RunError(f"{option}: that run is of {earlier.method}, this one of {config.method}; name another run.")
    if differences := _differences(earlier, config):
        raise RunError(
            f"{option}: only the number of steps may differ, and that run differs in {', '.join(differences)}; give "
            f"the same options, or start a training from its weights with --init-from {start.name}."
        )
    if steps <= start.step:
        raise UsageError(
            f"{steps} steps: {option} begins at step {start.step}; give more with --steps, or name an earlier "
            "checkpoint."
        )
    saved = checkpoint.load(start.run.checkpoint(start.step))
    for part, tensors in saved.parts.items():
        if fault := first_not_finite(tensors):
            raise RunError(f"{option}: in its {part}, {fault}; continue from an earlier checkpoint.")
    _log_start(start, config, log)


def begin(run: Run, start: StartingPoint, machine: Machine, frozen: Mapping[str, Tensor]) -> None:
    """Copy the checkpoint and the logs up to its step into the folder of a run that has no checkpoint yet.

    The checkpoint is written last: a run that has it has begun.

    Args:
        frozen: the weights of the method's frozen networks, by their names in the method.
    Raises:
        RunError: the checkpoint is gone or damaged.
        UgbenchError: the disk refuses a file.
    """
    saved = checkpoint.load(start.run.checkpoint(start.step))
    _copy_log(start.run.metrics_file, run.metrics_file, start.step)
    _copy_log(start.run.timing_file, run.timing_file, start.step)
    environment.record_start(run, machine)
    method, state = without_weights(run.config), {**saved.translating(), **frozen}
    checkpoint.write_generators(run.generators_file, checkpoint.inference_tensors(method, state), start.step)
    checkpoint.save(run.checkpoints, saved)


def _copy_log(source: Path, target: Path, step: int) -> None:
    target.unlink(missing_ok=True)
    if is_file(source):
        shutil.copyfile(source, target)
        jsonl.cut_back(target, step)
        flush_to_disk(target)


def _differences(earlier: RunConfig, config: RunConfig) -> list[str]:
    """What two runs differ in besides their numbers of steps and where they began."""
    there, here = (
        {
            **{"variant": c.variant, "direction": c.direction, "seed": c.seed, "precision": c.precision},
            **readable_config(without_free(with_later(c.config))),
            **{f"the weights of {network}": digest[:6] for network, digest in c.frozen.items()},
        }
        for c in (earlier, config)
    )
    differences = differing_fields(there, here, ("steps",))
    if earlier.dataset is None or config.dataset is None or earlier.dataset.fingerprint != config.dataset.fingerprint:
        differences.append("its training images")
    return differences


def _log_start(start: StartingPoint, config: RunConfig, log: Callable[[str], None]) -> None:
    run, step, steps = start.run, start.step, int(config.config["steps"])
    log(f"continues run {run.id} from step {step} of {run.steps} to step {steps}.")
    before, after = (without_weights(each).groups() for each in (run.config, config))
    last = _differing_rate(before, after, reversed(range(step)))
    if last is None:
        if run.config.continue_from is None and run.config.init_from is None:
            log(
                f"Up to step {step} its learning rates are those of {steps} steps, so the result is that of {steps} "
                "steps from the start."
            )
        return
    first = _differing_rate(before, after, range(step))
    assert first is not None  # `last` is such a step
    fitting = [other for other in run.checkpoint_steps() if other <= first.done]
    advice = (
        f"--continue-from {run.id}@{fitting[-1]} begins before that"
        if fitting
        else "no checkpoint from before that is kept (--keep all keeps all)"
    )
    log(
        f"At step {last.done + 1} the learning rate of {last.group} was {last.factor:.3g} of its full value, and with "
        f"{steps} steps it is {last.new_factor:.3g} there, so the result is not that of {steps} steps from the start; "
        f"{advice}."
    )


@dataclass(frozen=True)
class _DifferingRate:
    """A step, after `done` others, at which the learning rate of a group differs between two lengths of a training."""

    done: int
    group: str
    factor: float
    new_factor: float


def _differing_rate(
    before: Mapping[str, Group], after: Mapping[str, Group], numbers: Iterable[int]
) -> _DifferingRate | None:
    """The first of these numbers of steps done after which the learning rate of a group differs; None if none does."""
    # Groups often share a schedule, and a training can have millions of steps.
    schedules: dict[tuple[int, ...], tuple[str, Schedule, Schedule]] = {}
    for name, group in after.items():
        pair = before[name].schedule, group.schedule
        schedules.setdefault(tuple(map(id, pair)), (name, *pair))
    for done in numbers:
        for name, schedule, new_schedule in schedules.values():
            if (factor := schedule(done)) != (new_factor := new_schedule(done)):
                return _DifferingRate(done, name, factor, new_factor)
    return None
