"""`ugbench compare`: train methods under equal terms, score them, and print the table."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from ugbench.cli.machine_options import MachineOptions
from ugbench.cli.names import check_names
from ugbench.cli.options import Json, PlaceOptions, StudyOptions, path_option
from ugbench.cli.parse import parse_method_sets, split_list
from ugbench.cli.published_datasets import get_or_check_datasets
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.cli.study_call import StudyCall
from ugbench.cli.training_options import ExecutionOptions
from ugbench.cli.watch_options import WatchOptions
from ugbench.errors import UsageError


def compare(
    *,
    context: typer.Context,
    methods: Annotated[
        list[str] | None, Option("--methods", metavar="A,B,…", help="Methods to compare; `ugbench methods` lists them.")
    ] = None,
    study: Annotated[
        Path | None,
        path_option(
            "--study",
            "any",
            "FILE",
            "A study in a TOML file, or table3 or emoji, which come with this package; options of the call replace its "
            "fields.",
        ),
    ] = None,
    options: StudyOptions,
    minutes: Annotated[
        float | None, Option("--minutes", metavar="N", min=0.01, help="Training time of each run, instead of --steps.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        Option("--set", metavar="METHOD.KEY=VALUE", help="Change a field of a method's config; repeatable."),
    ] = None,
    execution: ExecutionOptions,
    scoring: ScoringOptions,
    watch: WatchOptions,
    machines: MachineOptions,
    place: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Train methods on data sets under equal terms, score them, and print the table.

    What is trained already is not trained again; the same call after an interruption goes on. A study file has the
    keys methods, variants, datasets, seeds, preset, steps, minutes, size, batch_size, fit, set and without, and a table
    [slurm] with what --slurm takes.

    \b
    Examples:
      ugbench compare --methods ugatit,cyclegan --dataset dial:size=32 --preset smoke --steps 400 --extractor random
      ugbench compare --study study.toml --dry-run
      ugbench compare --study table3 --dry-run
      ugbench compare --study study.toml --on slurm --slurm partition=gpu,gpus_per_node=1,timeout_min=720
    """
    named = split_list(methods, "--methods")
    machines.check(options.jobs, options.dry_run)
    check_names(named, trackers=watch.names)
    get_or_check = partial(
        get_or_check_datasets,
        data_root=place.data_root,
        allowed=scoring.download,
        as_json=as_json,
        dry_run=options.dry_run,
    )
    get_or_check(options.dataset or ())

    from ugbench.cli.study import run_study
    from ugbench.published.studies import named_study
    from ugbench.study import grid

    study = None if study is None else named_study(study)
    fields = {} if study is None else grid.read(study)
    fields |= options.fields()
    if named:
        fields["methods"] = named
    if minutes is not None:
        fields["minutes"] = minutes
    if sets:
        fields["set"] = parse_method_sets(sets)
    for key, option in (("methods", "--methods"), ("datasets", "--dataset")):
        if not fields.get(key):
            raise UsageError(f"{option} is missing: give it, or name a --study.")
    declared = grid.declare(fields, f"--study {study}" if study else "the call")
    get_or_check(declared.datasets)  # those of the file
    call = StudyCall(
        options=options,
        execution=execution,
        machines=machines,
        scoring=scoring,
        watch=watch,
        place=place,
        as_json=as_json,
        file=study,
        context=context,
    )
    run_study(declared, call)
