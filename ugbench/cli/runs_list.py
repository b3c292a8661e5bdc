"""`ugbench runs`: list the runs, how far each is, and in what they differ."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from ugbench.cli.options import RESULTS, Json, OnlyDatasets, Results, Where
from ugbench.cli.output import duration, file_size, format_rows, log, print_json, print_rows
from ugbench.cli.parse import parse_sets, split_list
from ugbench.cli.queued_runs import with_queue
from ugbench.errors import RunError, UnknownName, UsageError

if TYPE_CHECKING:
    from ugbench.runs.configurations import Configuration
    from ugbench.runs.run import Run

HEADER = ("id", "dataset", "method", "variant", "seed", "step", "status", "left", "disk", "differs in")
SECONDS_BETWEEN_LOOKS = 2.0


def list_(
    context: typer.Context,
    method: Annotated[
        list[str] | None, Option("--method", metavar="NAMES", help="Only runs of these methods, as in ugatit,cut.")
    ] = None,
    dataset: OnlyDatasets = None,
    where: Where = None,
    watch: Annotated[bool, Option("--watch", help="Show the list again every two seconds; Ctrl-C ends it.")] = False,
    results: Results = RESULTS,
    as_json: Json = False,
) -> None:
    """List the runs of a results folder: how far each is, how long it will take, and in what they differ.

    Wherever a command asks for a RUN, the start of its id is enough if no other run's id starts so, or the name that
    `ugbench runs rename` gave it.

    \b
    Examples:
      ugbench runs
      ugbench runs --method ugatit --where steps=30
      ugbench runs show 3f2a
      ugbench runs remove 3f2a
      ugbench runs rename 3f2a best
    """
    if context.invoked_subcommand is not None:
        refuse_options_before(context)
        return
    methods, conditions = split_list(method, "--method"), parse_sets(where, "--where")
    if watch and as_json:
        raise UsageError("--watch and --json exclude each other; give one of them.")
    if watch:
        _watch(results, methods, dataset or (), conditions)
        return
    rows = describe_runs(results, methods, dataset or (), conditions)
    if as_json:
        print_json(rows)
    elif rows:
        print_rows(HEADER, texts(rows))
        for row in rows:
            if row["reason"] is not None:
                log(f"{row['id']}, {row['status']}: {row['reason']}")
        _log_several_folders(rows)
    else:
        log(f"no runs in {results}; `ugbench train METHOD --dataset DATA` makes one.")


def _log_several_folders(rows: Sequence[Mapping[str, Any]]) -> None:
    """Log the folders of each run that lies in several."""
    places: dict[str, list[str]] = {}
    for row in rows:
        places.setdefault(row["id"], []).append(f"{row['path']} (step {row['step']})")
    for run_id, of_run in places.items():
        if len(of_run) > 1:
            log(
                f"run {run_id} lies in {len(of_run)} folders: {', '.join(of_run)}. Commands use the one that was "
                "trained longest; to name another, give its folder in place of the id."
            )


def refuse_options_before(context: typer.Context) -> None:
    """Refuse options between `runs` and a command below it: they would be read for the list and be lost.

    Raises:
        UsageError: there are such options.
    """
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            command = f"ugbench runs {context.invoked_subcommand}"
            raise UsageError(f"an option stands before {context.invoked_subcommand}; put it after `{command}`.")


def describe_runs(
    results: Path,
    methods: Sequence[str] = (),
    datasets: Sequence[str] = (),
    conditions: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The fields of each run that is listed, see `describe`; a run that cannot be read is listed unless it is filtered.

    Args:
        methods, datasets: names; empty for all.
        conditions: values by the names of config fields, from `--where`.
    Raises:
        UnknownName, UsageError: no run is of a method or data set, or has a field or its value.
    """
    from ugbench.runs.configurations import configurations, fields_to_show, select_where
    from ugbench.runs.run import Run, read_runs

    by_folder = dict(read_runs(results))
    runs = [run for run in by_folder.values() if isinstance(run, Run)]
    errors = {folder: error for folder, error in by_folder.items() if isinstance(error, RunError)}
    for option, names, values in (
        ("method of these runs (--method)", methods, {run.config.known_as for run in runs}),
        ("data set of these runs (--dataset)", datasets, {run.dataset_folder.name for run in runs}),
    ):
        for name in names:
            if name not in values:
                raise UnknownName(option, name, values)
    runs = [run for run in runs if not methods or run.config.known_as in methods]
    runs = [run for run in runs if not datasets or run.dataset_folder.name in datasets]
    runs = select_where(runs, conditions) if conditions else runs
    configs = configurations(runs)
    shown = fields_to_show((run.config.label, None, configs[run.id]) for run in runs)
    rows = [_listed(run, configs[run.id], shown[run.config.label]) for run in runs]
    filtered = bool(methods or datasets or conditions)
    rows += [] if filtered else [_unreadable(*item) for item in errors.items()]
    return rows if conditions else with_queue(rows, results, methods, datasets)


def describe(run: Run) -> dict[str, Any]:
    """The fields of a run that the list shows; see `ugbench.runs.state.RunState`.

    Raises:
        RunError: one of its files is damaged.
    """
    from ugbench.runs.names import given_name
    from ugbench.runs.state import state_of

    config, state = run.config, state_of(run)
    return {
        "id": run.id,
        "path": run.path,
        "given_name": given_name(run),
        "dataset": None if config.dataset is None else run.dataset_folder.name,
        "method": config.known_as,
        "variant": config.variant,
        "name": config.name,
        "direction": config.direction,
        "seed": config.seed,
        "step": state.step,
        "logged_step": state.logged_step,
        "steps": run.steps,
        "status": state.status,
        "reason": state.reason,
        "seconds_left": state.seconds_left,
        "disk_bytes": state.disk_bytes,
    }


def texts(rows: Sequence[Mapping[str, Any]]) -> list[list[object]]:
    """The rows as `HEADER` names their columns, for people."""
    from ugbench.runs.run import label_of

    lines: list[list[object]] = []
    for row in rows:
        given, left = row["given_name"], row["seconds_left"]
        step = row["logged_step"] if row["status"] == "running" else row["step"]
        lines.append(
            [
                row["id"] if given is None else f"{row['id']} ({given})",
                row["dataset"],
                None if row["method"] is None else _method_text(label_of(row["method"], None, row["name"]), row),
                row["variant"],
                row["seed"],
                f"{step}/{row['steps']}" if row["steps"] else None,
                row["status"],
                None if left is None else duration(left),
                None if row["disk_bytes"] is None else file_size(row["disk_bytes"]),
                _config_text(row["config"]),
            ]
        )
    return lines


def _method_text(label: str, row: Mapping[str, Any]) -> str:
    """The label of a run, with the direction if its method learns one."""
    return label if row["direction"] is None else f"{label} {row['direction']}"


def _config_text(config: Mapping[str, Any]) -> str | None:
    """The fields in which a run differs from others; a field that it does not have is left out."""
    from ugbench.runs.configurations import value_text

    return ", ".join(f"{name} {value_text(name, value)}" for name, value in config.items() if value is not None) or None


def _listed(run: Run, config: Configuration, names: Sequence[str]) -> dict[str, Any]:
    from ugbench.runs.configurations import values_of

    try:
        fields = describe(run)
    except RunError as error:
        fields = _unreadable(run.path, error)
    return {**fields, "config": {name: json.loads(value) for name, value in values_of(config, names)}}


def _unreadable(folder: Path, error: RunError) -> dict[str, Any]:
    """The row of a run that cannot be read, with what its folder's path tells."""
    names = ("given_name", "method", "variant", "name", "direction", "seed", "step", "logged_step", "steps")
    return {
        "id": folder.name.rpartition("-")[2],
        "path": folder,
        "dataset": folder.parents[1].name,
        **dict.fromkeys((*names, "seconds_left", "disk_bytes")),
        "status": "unreadable",
        "reason": str(error),
        "config": {},
    }


def _watch(results: Path, methods: Sequence[str], datasets: Sequence[str], conditions: Mapping[str, str]) -> None:
    """Show the list until Ctrl-C; where stdout is no terminal, it is printed once."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def lines() -> str:
        return format_rows(HEADER, texts(describe_runs(results, methods, datasets, conditions)))

    console = Console(highlight=False)
    if not console.is_terminal:
        print(lines())
        return
    live = Live(Text(lines(), no_wrap=True), console=console, auto_refresh=False)
    with live, suppress(KeyboardInterrupt):  # Ctrl-C is how a person ends it
        while True:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            live.update(Text(lines(), no_wrap=True), refresh=True)
