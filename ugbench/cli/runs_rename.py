"""`ugbench runs rename`: give a run a name by which it is found."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from ugbench.cli.options import RESULTS, Json, Results, RunArgument
from ugbench.cli.output import log, print_json


def rename(
    run: RunArgument,
    name: Annotated[str, Argument(metavar="NAME", help="Letters, digits, dots, dashes, plus signs and underscores.")],
    results: Results = RESULTS,
    as_json: Json = False,
) -> None:
    """Give a run a name. Every command then takes the name as RUN; the id, the folder and the scores stay.

    \b
    Examples:
      ugbench runs rename 3f2a best
      ugbench runs rename results/cat2dog/ugatit/seed0-3f2a0b1c2d3e best
    """
    from ugbench.runs.names import given_name
    from ugbench.runs.names import rename as rename_run
    from ugbench.runs.run import find_run, list_runs

    found_run, runs = find_run(run, results), list_runs(results)
    others = [given_name(other) for other in runs if other.id != found_run.id]
    rename_run(found_run, name, [other for other in others if other is not None], [other.id for other in runs])
    log(f"run {found_run.id} ({found_run.config.label}) is called {name}")
    if as_json:
        print_json({"id": found_run.id, "path": found_run.path, "given_name": name})
