"""Resets a run, so that its training begins again at step 0."""

from __future__ import annotations

import shutil

from ugbench.runs import jsonl
from ugbench.runs.folder import DIFFERENCES
from ugbench.runs.run import Run


def reset(run: Run) -> None:
    """Remove everything that training and scoring wrote for a run; only config.json, name.txt and the lock files stay.

    The lines about the run in its data set's differences.jsonl are removed too. Votes stay.

    Raises:
        RunError: another process trains the run.
    """
    with run.training_lock():
        for folder in (run.checkpoints, run.samples, run.tensorboard, run.single, run.all_outputs):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (
            run.metrics_file,
            run.timing_file,
            run.environment_file,
            run.failure_file,
            run.method_file,
            run.generators_file,
            run.scores_file,
            run.train_log,
        ):
            file.unlink(missing_ok=True)
    jsonl.remove(run.dataset_folder / DIFFERENCES, lambda fields: run.id in (fields["first"], fields["second"]))
