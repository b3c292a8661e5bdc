"""`ugbench runs remove`: delete a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from ugbench.cli.options import RESULTS, Json, Results, RunArgument
from ugbench.cli.output import file_size, log, print_json
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.runs.folder import RunFolder


def remove(
    run: RunArgument,
    yes: Annotated[bool, Option("--yes", help="Remove without asking.")] = False,
    results: Results = RESULTS,
    as_json: Json = False,
) -> None:
    """Remove a run: its checkpoints, logs, outputs and scores. It asks first. Votes stay.

    A run that another process trains or scores is not removed.

    \b
    Examples:
      ugbench runs remove 3f2a
      ugbench runs remove 3f2a --yes
    """
    from ugbench.runs.remove import remove as remove_run
    from ugbench.runs.state import disk_bytes

    folder, run_id, label = _find(run, results)
    size = disk_bytes(folder.path)
    if not yes:
        if not is_terminal():
            raise UsageError(f"run {run_id} is not removed: nobody can be asked here; to remove it, give --yes.")
        if not typer.confirm(f"Remove run {run_id} ({label}) in {folder.path}, {file_size(size)}?", err=True):
            log("nothing is removed.")
            return
    remove_run(folder, run_id)
    log(f"removed run {run_id} ({label}), {file_size(size)}")
    if as_json:
        print_json({"removed": run_id, "path": folder.path, "bytes": size})


def _find(text: str, results: Path) -> tuple[RunFolder, str, str]:
    """The folder, id and label of the run that RUN names; a run whose config.json is damaged is named by its folder."""
    from ugbench.runs.folder import RunFolder
    from ugbench.runs.run import Run, find_run, read_runs

    for path, run in read_runs(results):
        run_id = path.name.rpartition("-")[2]
        if not isinstance(run, Run) and (path.resolve() == Path(text).resolve() or run_id == text):
            return RunFolder(path), run_id, "unreadable"
    found_run = find_run(text, results)
    return found_run, found_run.id, found_run.config.label


def is_terminal() -> bool:
    """Whether there is a person who can be asked."""
    return sys.stdin.isatty()
