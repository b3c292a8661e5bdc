"""`ugbench runs`: which runs there are and how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ugbench.cli.options import RESULTS, Json, Results
from ugbench.cli.output import print_json, print_rows, say

if TYPE_CHECKING:
    from ugbench.train.run import Run


def runs(results: Results = RESULTS, as_json: Json = False) -> None:
    """List the runs of a results folder and how far each is.

    Anywhere a RUN is asked for, an unambiguous start of its id will do.

    \b
    Examples:
      ugbench runs
      ugbench runs --results results --json
    """
    from ugbench.train.run import list_runs

    rows = [describe(run) for run in list_runs(results)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        say(f"no runs in {results}; `ugbench train METHOD --dataset DATA` makes one.")
        return
    print_rows(
        ("id", "dataset", "method", "variant", "seed", "step", "status"),
        [
            (
                *(row[key] for key in ("id", "dataset", "method", "variant", "seed")),
                f"{row['step']}/{row['steps']}",
                row["status"],
            )
            for row in rows
        ],
    )


def describe(run: Run) -> dict[str, Any]:
    """What the list says of a run; `status` is done, stopped (partly trained) or new (nothing saved yet)."""
    config, step = run.config, run.step()
    return {
        "id": run.id,
        "path": run.path,
        "dataset": config.dataset.name,
        "method": config.method,
        "variant": config.variant,
        "direction": config.direction,
        "seed": config.seed,
        "step": step,
        "steps": run.steps,
        "status": "done" if run.is_done() else "stopped" if step else "new",
    }
