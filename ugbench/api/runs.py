"""How runs are found in Python: all of a results folder, or one."""

from __future__ import annotations

from ugbench.api.arguments import PathLike, results_folder
from ugbench.api.run import Run
from ugbench.api.shown import warn
from ugbench.api.wording import with_argument_names
from ugbench.runs.readable import readable_runs
from ugbench.runs.run import find_run


@with_argument_names
def list_runs(results: PathLike | None = None) -> list[Run]:
    """Every run of a results folder that can be read, sorted by path. A warning is logged for each that cannot.

    Args:
        results: folder of runs; default: UGBENCH_RESULTS, else `results`. Without such a folder there are no runs.
    """
    return [Run(run) for run in readable_runs(results_folder(results), warn)]


@with_argument_names
def load_run(id_or_path: PathLike, results: PathLike | None = None) -> Run:
    """One run.

    Args:
        id_or_path: the start of its id, as "274b28", the name that it was given, or its folder.
        results: folder of runs; default: UGBENCH_RESULTS, else `results`.
    Raises:
        RunError: no run matches, or several; or its config.json is damaged.
    """
    return Run(find_run(str(id_or_path), results_folder(results)))
