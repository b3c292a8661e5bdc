"""Where an imported run goes, and what it is called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from ugbench.data.datasets import DataSet
from ugbench.errors import UsageError
from ugbench.runs.run import UNSAID, DatasetRecord, Run, RunConfig, dataset_folder, list_runs, open_run

RESERVED = ("identity", "real")  # rows of tables that are no method


def checked_name(name: str) -> str:
    """`name`, where it can be a folder's name and is no row of every table.

    Raises:
        UsageError: it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", name):
        raise UsageError(
            f"--name {name}: a name is at most 64 letters, digits, dots, dashes and underscores, a letter or digit "
            "first; give another."
        )
    if name in RESERVED:
        raise UsageError(f"--name {name}: every table has a row of that name; give another.")
    return name


def open_import(folder: Path, config: RunConfig) -> Run:
    """The imported run of this config under a data set's folder, made if it is not there yet.

    Raises:
        UsageError: another run of the method, of other files, has its name: tables could not tell them apart.
    """
    assert config.origin is not None
    for other in list_runs(folder.parent):
        if other.dataset_folder != folder or other.config.origin is None or other.id == config.id:
            continue
        if (other.config.label, other.config.method) == (config.label, config.method):
            raise UsageError(
                f"--name {config.origin.name}: run {other.id} has that name, of other files or options; remove "
                f"{other.path}, or give another name."
            )
    return open_run(folder, config)


def home(results: Path, dataset: DataSet | None) -> Path:
    """The folder of a data set's runs, or of the runs without one."""
    return results / UNSAID if dataset is None else dataset_folder(results, dataset)


def dataset_record(dataset: DataSet) -> DatasetRecord:
    """The data that an imported run is scored on."""
    splits = dataset.splits()
    return DatasetRecord(
        name=dataset.name,
        root=str(dataset.root.resolve()),
        fingerprint=dataset.fingerprint(splits),
        images={split: len(dataset.split(split)) for split in splits},
    )


def digests(files: Sequence[Path], within: Path) -> dict[str, str]:
    """SHA-256 in hex by name relative to `within`."""
    found = {}
    for file in files:
        with file.open("rb") as opened:
            found[file.relative_to(within).as_posix()] = hashlib.file_digest(opened, "sha256").hexdigest()
    return found
