"""The folder and the records that all imported runs share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ugbench.data.datasets import DataSet
from ugbench.errors import UsageError
from ugbench.runs.checkpoint import sha256_of
from ugbench.runs.dataset_folder import dataset_folder
from ugbench.runs.run import Run, RunConfig, list_runs, open_run

NO_DATASET_FOLDER = "imported"  # the folder of runs that were imported without a data set


def open_import(folder: Path, config: RunConfig) -> Run:
    """The imported run with this config in the folder of a data set's runs; it is made if it is missing.

    A run that differs only in the images of the data set, because some were added since, is the same run.

    Raises:
        UsageError: another run of the method has the same name and other files or options, so that tables could not
            distinguish the two.
    """
    assert config.origin is not None
    for other in list_runs(folder.parent):
        names = (other.dataset_folder, other.config.method, other.config.label)
        if other.config.origin is None or names != (folder, config.method, config.label):
            continue
        if other.config.model_copy(update={"dataset": config.dataset}).id == config.id:
            return other
        if other.id != config.id:
            raise UsageError(
                f"--name {config.origin.name}: run {other.id} has that name, with other files or options; remove "
                f"{other.path}, or give another name."
            )
    return open_run(folder, config)


def runs_folder(results: Path, dataset: DataSet | None) -> Path:
    """The folder of a data set's runs, or of the runs that were imported without a data set."""
    return results / NO_DATASET_FOLDER if dataset is None else dataset_folder(results, dataset)


def digests(files: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of each file in hex, by the file's name."""
    return {file.name: sha256_of(file) for file in files}
