"""Resets a run, so that its training begins again at step 0."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from filelock import Timeout

from ugbench.errors import RunError
from ugbench.runs import jsonl
from ugbench.runs.folder import DIFFERENCES
from ugbench.runs.run import Run


def reset(run: Run) -> None:
    """Remove everything that training and scoring wrote for a run; only config.json, name.txt and the lock files stay.

    The caller holds the run's training lock, so that no other process trains the run before or after. The lines about
    the run in its data set's differences.jsonl are removed too. Votes stay.

    Raises:
        RunError: another process makes or scores outputs of the run; nothing was removed.
    """
    folders = (run.all_outputs, run.single, run.samples, run.tensorboard, run.checkpoints)
    # The logs are last: after a reset that was interrupted they are the sign that the run had begun.
    files = (
        run.scores_file,
        run.generators_file,
        run.method_file,
        run.environment_file,
        run.failure_file,
        run.train_log,
        run.tracking_file,
        run.timing_file,
        run.metrics_file,
    )
    try:
        with run.outputs_lock().acquire(timeout=0):
            for folder in folders:
                if folder.exists():
                    shutil.rmtree(folder)
            _remove_unfinished(files)
            for file in files:
                file.unlink(missing_ok=True)
    except Timeout:
        raise RunError(
            f"{run.path}: another process makes or scores its outputs; wait until it has ended, then give --restart."
        ) from None
    jsonl.remove(run.dataset_folder / DIFFERENCES, lambda fields: run.id in (fields["first"], fields["second"]))


def remove_unfinished(run: Run) -> None:
    """Remove the checkpoints and files that a killed training had not finished, which may be large.

    The caller holds the run's training lock, so that no process writes them.
    """
    for folder in run.checkpoints.glob(".[0-9]*.[0-9]*"):
        shutil.rmtree(folder)
    files = (run.generators_file, run.method_file, run.environment_file, run.tracking_file)
    _remove_unfinished((*files, run.timing_file, run.metrics_file))


def _remove_unfinished(files: Iterable[Path]) -> None:
    for file in files:
        for unfinished in file.parent.glob(f".{file.name}.*"):
            unfinished.unlink()
