"""`ugbench differences`: what can be said of two checkpoints, and of two methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ugbench.cli import options
from ugbench.cli.options import Cache, Device, Json, Results, Weights
from ugbench.cli.output import print_json, print_rows, progress_callback, say

if TYPE_CHECKING:
    from ugbench.analysis.comparisons import Comparison


def differences(
    to: Annotated[
        str, typer.Option("--to", metavar="METHOD", help="What the others are held against: a row's name in tables.")
    ],
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", metavar="NAME", help="Of this data set only; repeatable.")
    ] = None,
    extractor: Annotated[
        str, typer.Option("--extractor", metavar="NAME", help="inception, alexnet, squeezenet, random.")
    ] = "inception",
    weights: Weights = None,
    permutations: Annotated[
        int, typer.Option("--permutations", metavar="N", min=19, help="Of the test of checkpoints.")
    ] = 1000,
    cache: Cache = None,
    results: Results = options.RESULTS,
    device: Device = options.DEVICE,
    as_json: Json = False,
) -> None:
    """Hold every method's KID against one method's: by images, and by seeds.

    "These checkpoints" takes images as the unit: a paired jackknife over sources and references, and a permutation
    test. "This method" takes seeds as the unit, and says so where they are too few. p-values are Holm's, over the
    comparisons of a data set and direction. Protocol: target; scores that are missing are made first.

    \b
    Examples:
      ugbench differences --to ugatit --extractor alexnet --weights alexnet=alexnet.pth
      ugbench differences --to ugatit --dataset cat2dog --extractor random --json
    """
    from ugbench.analysis.comparisons import compare_methods
    from ugbench.device import pick_device
    from ugbench.scoring.cache import Cache as FeatureCache
    from ugbench.scoring.cache import default_folder
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.networks.network_set import Networks
    from ugbench.scoring.request import EvalRequest

    networks = Networks(extractor, "alex", options.parse_weights(weights), pick_device(device))
    wanted = EvalRequest(("kid",), networks, cache=FeatureCache(cache or default_folder(), say))
    with progress_callback("comparing") as tick:
        found = compare_methods(Evaluation(wanted, results, say), to, dataset or (), permutations, progress=tick)
    if as_json:
        print_json([one.to_json() for one in found])
        return
    header = (
        "dataset",
        "direction",
        "KID x100 of",
        "less that of",
        "difference",
        "se",
        "unpaired se",
        "sources",
        "p (Holm)",
    )
    print_rows(header, [_row(one) for one in found])
    for one in found:
        say(f"{one.dataset} {one.direction}: {one.method_text()}")


def _row(one: Comparison) -> list[Any]:
    own = one.checkpoints.difference
    return [
        *(one.dataset, one.direction, one.label, one.to),
        *(f"{100 * number:.3g}" for number in (own.value, own.se, one.unpaired_se)),
        *(one.checkpoints.n, f"{one.checkpoints.adjusted_p:.3g}"),
    ]
