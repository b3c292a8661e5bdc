"""`ugbench ablate`: train a method and its variants, score them, and print how they differ."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from ugbench.cli.command import complete_methods
from ugbench.cli.names import check_names
from ugbench.cli.options import Json, PlaceOptions, Sets, StudyOptions
from ugbench.cli.output import log, print_rows
from ugbench.cli.parse import parse_sets, split_list
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.cli.watch_options import WatchOptions
from ugbench.errors import UnknownName, UsageError
from ugbench.visible import visible

if TYPE_CHECKING:
    from ugbench.cli.study import ScoredStudy


def ablate(
    *,
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
    scoring: ScoringOptions,
    watch: WatchOptions,
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
    check_names([method], options.dataset, place.data_root, watch.names)

    from ugbench.cli.study import run_study
    from ugbench.study import grid

    names = variants_of(method, split_list(variants, "--variants"))
    fields = {"methods": [method], "variants": {method: names}, **options.fields()}
    if sets:
        fields["set"] = {method: parse_sets(sets)}
    declared = grid.declare(fields, "the call")
    run_study(declared, options, scoring, watch, place, as_json, partial(compare_with_full, method=method))


def variants_of(method: str, names: list[str]) -> list[str]:
    """Full, then the variants that are asked for.

    Args:
        names: of --variants; none, or `all` alone, means the paper's ablations.
    Raises:
        UnknownName: there is no such method or variant.
        UsageError: the method has no variants.
    """
    from ugbench import registry

    loaded = registry.load_method(method)
    known = [name for name in loaded.VARIANTS if name != "full"]
    if not known:
        raise UsageError(f"{method} has no variants; ablate a method that has: see `ugbench variants`.")
    if names in ([], ["all"]):
        names = list(loaded.ablation) or known
    for name in names:
        if name not in (*known, "full"):
            raise UnknownName("variant", name, known)
    return ["full", *(name for name in names if name != "full")]


def compare_with_full(scored: ScoredStudy, as_json: bool, method: str) -> dict[str, Any]:
    """Print the variants in the layout of the paper's ablation, and their differences to full if KID was scored.

    Returns the same for --json; with `as_json` nothing is printed.
    """
    from ugbench.analysis import comparisons, differences
    from ugbench.tables import ablation

    claims = []
    if differences.are_due(scored.scores) and len(scored.runs) > 1:
        claims = comparisons.compare_methods(scored.evaluation, method, runs=scored.runs)
    layout = ablation.ablation_table(scored.table, method, claims)
    if not as_json:
        print_rows(layout.header, layout.rows)
        for note in layout.notes:
            log(note)
        for claim in claims:
            for sentence in filter(None, (claim.method_text(), claim.missing_text())):
                print(visible(f"{claim.dataset} {claim.direction}: {sentence}"))
    return {"differences": [claim.to_json() for claim in claims], "ablation": layout._asdict()}
