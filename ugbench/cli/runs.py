"""`ugbench runs`: list the runs and how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ugbench.cli.options import RESULTS, Json, Results
from ugbench.cli.output import log, print_json, print_rows

if TYPE_CHECKING:
    from ugbench.runs.run import Run


def runs(results: Results = RESULTS, as_json: Json = False) -> None:
    """List the runs of a results folder and how far each is.

    Wherever a command asks for a RUN, the start of its id is enough if no other run's id starts so.

    \b
    Examples:
      ugbench runs
      ugbench runs --results results --json
    """
    from ugbench.runs.run import label_of, list_runs

    rows = [describe(run) for run in list_runs(results)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        log(f"no runs in {results}; `ugbench train METHOD --dataset DATA` makes one.")
        return
    header = ("id", "dataset", "method", "variant", "seed", "step", "status")
    paths: dict[str, list[str]] = {}
    for row in rows:
        paths.setdefault(row["id"], []).append(f"{row['path']} (step {row['step']})")
        row["method"] = label_of(row["method"], None, row["name"])
        row["step"] = f"{row['step']}/{row['steps']}" if row["steps"] else None
    print_rows(header, [[row[key] for key in header] for row in rows])
    for run_id, places in paths.items():
        if len(places) > 1:
            log(
                f"run {run_id} lies in {len(places)} folders: {', '.join(places)}. Commands use the one that was "
                "trained longest; to name another, give its folder in place of the id."
            )


def describe(run: Run) -> dict[str, Any]:
    """The fields of a run that the list shows.

    The status is imported, done, stopped (partly trained) or new (nothing saved yet).
    """
    config, step = run.config, run.step()
    status = "done" if run.is_done() else "stopped" if step else "new"
    return {
        "id": run.id,
        "path": run.path,
        "dataset": None if config.dataset is None else run.dataset_folder.name,
        "method": config.known_as,
        "variant": config.variant,
        "name": config.name,
        "direction": config.direction,
        "seed": config.seed,
        "step": step,
        "steps": run.steps,
        "status": status if config.origin is None else "imported",
    }
