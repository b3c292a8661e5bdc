"""`ugbench ablate`: train a method and its variants, score them, and print how they differ."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from ugbench.cli.command import complete_methods
from ugbench.cli.machine_options import MachineOptions
from ugbench.cli.names import check_names
from ugbench.cli.options import Json, PlaceOptions, Sets, StudyOptions
from ugbench.cli.output import log, print_rows
from ugbench.cli.parse import parse_sets, split_list
from ugbench.cli.published_datasets import get_or_check_datasets
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.cli.study_call import StudyCall
from ugbench.cli.training_options import ExecutionOptions
from ugbench.cli.watch_options import WatchOptions
from ugbench.errors import UsageError
from ugbench.visible import visible

if TYPE_CHECKING:
    from ugbench.study.stages import ScoredStudy


def ablate(
    *,
    context: typer.Context,
    method: Annotated[
        str, Argument(metavar="METHOD", help="A method that has variants.", autocompletion=complete_methods)
    ] = "ugatit",
    variants: Annotated[
        list[str] | None,
        Option(
            "--variants",
            metavar="all|A,B,…",
            help="Variants to train besides full; default: those of the paper's ablations. `ugbench variants METHOD` "
            "lists every variant.",
        ),
    ] = None,
    options: StudyOptions,
    sets: Sets = None,
    execution: ExecutionOptions,
    scoring: ScoringOptions,
    watch: WatchOptions,
    machines: MachineOptions,
    place: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Train a method and its variants, score them, and say what differs from the full method.

    \b
    Examples:
      ugbench ablate --dataset dial:size=32 --preset smoke --steps 400 --seeds 6 --extractor random
      ugbench ablate ugatit --dataset cat2dog --variants no-cam,in,ln --dry-run
    """
    if not options.dataset:
        raise UsageError("--dataset is missing: say what to train on.")
    machines.check(options.jobs, options.dry_run)
    check_names([method], trackers=watch.names)
    get_or_check_datasets(
        options.dataset, place.data_root, allowed=scoring.download, as_json=as_json, dry_run=options.dry_run
    )

    from ugbench.cli.study import run_study
    from ugbench.study import grid

    names = grid.ablation_variants(method, split_list(variants, "--variants"))
    fields = {"methods": [method], "variants": {method: names}, **options.fields()}
    if sets:
        fields["set"] = {method: parse_sets(sets)}
    declared = grid.declare(fields, "the call")
    call = StudyCall(
        options=options,
        execution=execution,
        machines=machines,
        scoring=scoring,
        watch=watch,
        place=place,
        as_json=as_json,
        file=None,
        context=context,
    )
    run_study(declared, call, partial(compare_with_full, method=method))


def compare_with_full(scored: ScoredStudy, as_json: bool, method: str) -> dict[str, Any]:
    """Print the variants in the layout of the paper's ablation, and their differences to full if KID was scored.

    Returns the same for --json; with `as_json` nothing is printed.
    """
    from ugbench.study.stages import differences_to_base
    from ugbench.tables import ablation

    claims = differences_to_base(scored, method)
    layout = ablation.ablation_table(scored.table, method, claims)
    if not as_json:
        print_rows(layout.header, layout.rows)
        for note in layout.notes:
            log(note)
        for claim in claims:
            for sentence in claim.sentences():
                print(visible(sentence))
    return {"differences": [claim.to_json() for claim in claims], "ablation": layout._asdict()}
