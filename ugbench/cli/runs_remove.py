"""`ugbench runs remove`: delete a run."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer import Option

from ugbench.cli.options import RESULTS, Json, Results, RunArgument
from ugbench.cli.output import file_size, log, print_json
from ugbench.errors import UsageError


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
    from ugbench.runs.run import find_run
    from ugbench.runs.state import disk_bytes

    found_run = find_run(run, results)
    size = disk_bytes(found_run.path)
    if not yes:
        if not is_terminal():
            raise UsageError(f"run {found_run.id} is not removed: nobody can be asked here; to remove it, give --yes.")
        question = f"Remove run {found_run.id} ({found_run.config.label}) in {found_run.path}, {file_size(size)}?"
        if not typer.confirm(question, err=True):
            log("nothing is removed.")
            return
    remove_run(found_run)
    log(f"removed run {found_run.id} ({found_run.config.label}), {file_size(size)}")
    if as_json:
        print_json({"removed": found_run.id, "path": found_run.path, "bytes": size})


def is_terminal() -> bool:
    """Whether there is a person who can be asked."""
    return sys.stdin.isatty()
