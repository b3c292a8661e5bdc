"""The data sets that `--dataset` names in commands on runs: by the name of a folder under results, or by a path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.runs.run import Run


def locate_datasets(options: Sequence[str], results: Path, runs: Sequence[Run] = ()) -> list[str]:
    """The names of the folders under results that `--dataset` names.

    A name stays as it is. A path is the place where the images lie now: the folders are found by the content of the
    images, and remember the place.

    Args:
        options: values of `--dataset`. A text with a separator is a path. So is the name of a folder in the working
            directory, unless a folder under results has that name.
        runs: the runs that the command was given; they must belong to these data sets. Empty for all runs.
    Raises:
        DataError: a path is no data set.
        RunError: the images in a path are others than those of the runs.
        UsageError: a run does not belong to the named data sets.
    """
    from ugbench.runs.dataset_folder import locate_folders

    needed = list(dict.fromkeys(run.dataset_folder for run in runs))
    names: list[str] = []
    for text in options:
        if is_path(text, results):
            # One place has the images of one data set, so several runs of several data sets need several options.
            folders = locate_folders(Path(text), results, needed if len(options) == 1 else ())
            names += [folder.name for folder in folders]
        else:
            names.append(text)
    for run in runs:
        if options and run.dataset_folder.name not in names:
            raise UsageError(
                f"--dataset {', '.join(options)}: run {run.id} is of {run.dataset_folder.name}; give that, or leave "
                "the option out."
            )
    return list(dict.fromkeys(names))


def is_path(text: str, results: Path) -> bool:
    """Whether a value of `--dataset` is a path and not the name of a folder under results."""
    if os.sep in text or (os.altsep is not None and os.altsep in text) or text in (".", ".."):
        return True
    return not (results / text).is_dir() and Path(text).is_dir()
