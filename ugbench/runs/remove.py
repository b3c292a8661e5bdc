"""Removes a run with everything in its folder."""

from __future__ import annotations

import shutil

from filelock import Timeout

from ugbench.errors import RunError
from ugbench.runs import jsonl
from ugbench.runs.folder import CONFIG, DIFFERENCES, RunFolder


def remove(run: RunFolder, run_id: str) -> None:
    """Remove a run's folder, and the lines about the run in its data set's differences.jsonl. Votes stay.

    config.json and the locks go last. So no process begins to train in what is left, and a run whose removal was
    interrupted is still listed and can be removed again.

    Raises:
        RunError: another process trains the run, or makes or scores its outputs.
    """
    with run.training_lock():
        try:
            with run.outputs_lock().acquire(timeout=0):
                for entry in run.path.iterdir():
                    if entry.is_dir() and not entry.is_symlink():
                        shutil.rmtree(entry)
                    elif (entry.name != CONFIG and not entry.name.startswith(".")) or entry.is_symlink():
                        entry.unlink()
        except Timeout:
            raise RunError(f"{run.path}: another process makes or scores its outputs; wait until it ends.") from None
        jsonl.remove(run.dataset_folder / DIFFERENCES, lambda fields: run_id in (fields["first"], fields["second"]))
        shutil.rmtree(run.path)
    if not any(run.path.parent.iterdir()):
        run.path.parent.rmdir()
