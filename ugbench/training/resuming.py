"""What must hold when a run is resumed: its checkpoint fits the method, its logs are safe, its generators are right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from ugbench.errors import RunError
from ugbench.runs import checkpoint
from ugbench.runs.manifest import DamagedCheckpoint
from ugbench.runs.run import Run
from ugbench.runs.training_log import last_logged_step
from ugbench.training.intervals import Intervals


def check_fit(folder: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Check that an undamaged checkpoint holds the tensors that the method has.

    Args:
        folder: of the checkpoint, for the message.
    Raises:
        RunError: a tensor is missing, unknown or of another shape; of several the first in alphabetical order.
    """
    for name in sorted(tensors.keys() | expected.keys()):
        saved, needed = (f"{tuple(t[name].shape)}" if name in t else "no such tensor" for t in (tensors, expected))
        if saved != needed:
            raise RunError(
                f"{folder} has {saved} for {name}, and the method has {needed}; put the method back as it was, remove "
                "that folder to go on from the checkpoint before it, or begin again at step 0 with --restart."
            )


def check_nothing_is_lost(run: Run, intervals: Intervals) -> None:
    """Refuse to begin at step 0 where checkpoints are gone, because the logs of their steps would be cut away.

    A run that was ended before its first save has no checkpoint either, and begins at step 0 again.

    Args:
        intervals: resolved; a log that goes beyond the first save by steps shows that the run was saved.
    Raises:
        RunError: the run was saved before.
    """
    damaged = checkpoint.set_aside(run.checkpoints)
    logged = last_logged_step(run)
    beyond_first_save = intervals.save_every is not None and logged > intervals.save_every
    if damaged or beyond_first_save or run.generators_file.exists():
        left = (
            f"only damaged checkpoints ({', '.join(path.name for path in damaged.values())})"
            if damaged
            else "no checkpoint"
        )
        raise RunError(
            f"{run.path} has {left}, and logs up to step {logged}; put a whole checkpoint back, or give --restart to "
            "remove its logs, outputs and scores and begin again at step 0."
        )


def repair_generators(run: Run, tensors: Mapping[str, Tensor], step: int, log: Callable[[str], None]) -> None:
    """Write generators.safetensors again if it does not hold these tensors.

    It is damaged, or a kill or a damaged checkpoint has left it at another step.

    Args:
        tensors: of the networks that translate.
        step: at which they were saved.
        log: called with a sentence if the file is damaged.
    """
    try:
        stored, stored_step = checkpoint.read_generators(run.generators_file)
        if stored_step == step and checkpoint.digest(stored) == checkpoint.digest(tensors):
            return
    except DamagedCheckpoint as error:
        log(f"{error.reason}; it is written again from the checkpoint of step {step}.")
    checkpoint.write_generators(run.generators_file, tensors, step)
