"""`ugbench differences`: is the difference in KID of two checkpoints, or of two methods, more than chance?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ugbench.cli.options import RESULTS, Device, FeatureOptions, Json, OnlyDatasets, Results, Where
from ugbench.cli.output import log, print_result, progress_callback
from ugbench.cli.parse import parse_sets

if TYPE_CHECKING:
    from ugbench.analysis.comparisons import Comparison


def differences(
    *,
    to: Annotated[
        str, Option("--to", metavar="METHOD", help="The method that the others are compared with, as tables name it.")
    ],
    dataset: OnlyDatasets = None,
    where: Where = None,
    features: FeatureOptions,
    permutations: Annotated[
        int, Option("--permutations", metavar="N", min=19, help="Permutations in the test of two checkpoints.")
    ] = 1000,
    results: Results = RESULTS,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Compare the KID of every method with that of one method, over images and over seeds.

    The comparison of two checkpoints takes images as the unit: a paired jackknife over sources and references, and
    a permutation test. The comparison of two methods takes seeds as the unit, says where they are too few, and is made
    twice: for these test images, by the exact test over seeds; and for other images like these, over seeds and images
    together. p-values are corrected by Holm's method over all methods and both directions of a data set. The protocol
    is target. Missing scores are computed first.

    KID is printed x100, as in tables; --json has raw values. All numbers of a row are of the same images: the sources
    that all runs of both methods have translated. A table shows other numbers for a run that lacks outputs.

    \b
    Examples:
      ugbench differences --to ugatit --extractor alexnet --weights alexnet=alexnet.pth
      ugbench differences --to ugatit --dataset cat2dog --extractor random --json
    """
    from ugbench.analysis.comparisons import compare_methods
    from ugbench.cli.chosen_runs import readable_runs
    from ugbench.device import pick_device
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.request import EvalRequest

    request = EvalRequest(("kid",), features.networks(pick_device(device)), cache=features.feature_cache())
    with progress_callback("comparing") as progress:
        runs = readable_runs(results, parse_sets(where, "--where"))
        comparisons = compare_methods(
            Evaluation(request, results, log), to, dataset or (), permutations, runs, progress=progress
        )
    header = (
        "dataset",
        "direction",
        "method",
        "KID x100",
        "to",
        "KID x100",
        "difference",
        "se",
        "unpaired se",
        "sources",
        "p (Holm)",
    )
    content = [comparison.to_json() for comparison in comparisons]
    print_result(as_json, content, header, [_row(comparison) for comparison in comparisons])
    for comparison in comparisons:
        for sentence in filter(None, (comparison.method_text(), comparison.crossed_text(), comparison.missing_text())):
            log(f"{comparison.dataset} {comparison.direction}: {sentence}")


def _row(comparison: Comparison) -> list[Any]:
    checkpoints = comparison.checkpoints
    errors = (checkpoints.difference.se, comparison.unpaired_se)
    first, second = (f"{100 * value:.4g}" for value in comparison.kids)
    return [
        *(comparison.dataset, comparison.direction, comparison.label, first, comparison.to, second),
        f"{100 * checkpoints.difference.value:.3g}",
        *(f"{100 * se:.3g}" for se in errors),
        *(f"{checkpoints.n} of {comparison.n_sources}", f"{checkpoints.adjusted_p:.3g}"),
    ]
