"""`ugbench differences`: is the difference in KID of two checkpoints, or of two methods, more than chance?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ugbench.cli.options import AUTO, RESULTS, Devices, Json, OnlyDatasets, Results, Where
from ugbench.cli.output import log, print_result, progress_callback
from ugbench.cli.parse import parse_sets
from ugbench.cli.scoring_options import FeatureOptions
from ugbench.errors import UsageError
from ugbench.metrics import kid

if TYPE_CHECKING:
    from ugbench.analysis.compared_with_real import ComparisonWithReal
    from ugbench.analysis.comparison import Comparison

REAL = "real"  # reserved: no method is called so


def differences(
    *,
    to: Annotated[
        str,
        Option(
            "--to",
            metavar="METHOD",
            help="The method that the others are compared with, as tables name it; or real: training images of the "
            "target domain.",
        ),
    ],
    dataset: OnlyDatasets = None,
    where: Where = None,
    features: FeatureOptions,
    permutations: Annotated[
        int | None,
        Option(
            "--permutations",
            metavar="N",
            min=19,
            help="Permutations for each p of swaps. Without it they are as many as it takes to tell p from 0.05 after "
            "Holm's correction, 1,000 to 32,000.",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        Option(
            "--margin",
            metavar="X",
            help="Also test whether the difference in KID x100 is within X, a margin chosen before scores were seen.",
        ),
    ] = None,
    failed_above: Annotated[
        float | None,
        Option(
            "--failed-above",
            metavar="X",
            help="Also say how many seeds of each method failed: those with a KID x100 above X, a bound chosen before "
            "scores were seen, and those whose training stopped at NaN or Inf.",
        ),
    ] = None,
    results: Results = RESULTS,
    device: Devices = AUTO,
    as_json: Json = False,
) -> None:
    """Compare the KID of every method with that of one method, over images and over seeds.

    The comparison of two checkpoints takes images as the unit: Student's t of the paired difference over its jackknife
    error, as in the marks of tables. The p of a permutation test, which swaps the two outputs of sources, is printed
    beside it. Both take 50 images per set. The comparison of two methods takes seeds as the unit, says where they are
    too few, and is made twice: for these test images, by the exact test over seeds; and for other images like these,
    over seeds and images together. p-values are corrected by Holm's method over all methods and both directions of a
    data set. The protocol is target. Missing scores are computed first.

    With --margin X, two one-sided tests at 5 % show equivalence: the 90 % interval of the difference lies within
    X of 0. Each is a claim of its own, not corrected for their number. A large p alone shows no equivalence.

    With --failed-above X, the share of seeds that fail is printed for each method with a 95 % interval (Clopper and
    Pearson), and two methods' shares are compared by Boschloo's exact test, corrected likewise.

    With --to real, each run's KID is compared with that of training images of the target domain, with a 95 %
    interval: both use the same references, and outputs and training images are independent.

    KID and difference are those of the checkpoints of one seed, the lowest that both methods have; claims about
    methods are of all seeds. KID is printed x100, as in tables; --json has raw values. All numbers of a row are of the
    same images: the sources that all runs of both methods have translated. A table shows other numbers for a run that
    lacks outputs.

    \b
    Examples:
      ugbench differences --to ugatit --extractor alexnet --weights alexnet=alexnet.pth
      ugbench differences --to ugatit --dataset cat2dog --extractor random --json
      ugbench differences --to ugatit --failed-above 80 --extractor alexnet --weights alexnet=alexnet.pth
      ugbench differences --to real --margin 2 --extractor alexnet --weights alexnet=alexnet.pth
    """
    from ugbench.analysis.compared_with_real import compare_with_real
    from ugbench.analysis.comparisons import compare_methods
    from ugbench.cli.chosen_runs import readable_runs
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.request import EvalRequest

    if margin is not None and not 0 < margin < math.inf:
        raise UsageError(f"--margin {margin} was given; give a number above 0, in the unit of KID x100.")
    if failed_above is not None and not math.isfinite(failed_above):
        raise UsageError(f"--failed-above {failed_above} was given; give a finite number, in the unit of KID x100.")
    if failed_above is not None and to == REAL:
        raise UsageError("--failed-above: --to real compares no methods; name a method with --to, or leave it out.")
    raw_bound = None if failed_above is None else failed_above / kid.METRIC.scale
    raw_margin = None if margin is None else margin / kid.METRIC.scale
    first, further = device.pick()
    networks = features.networks(first, further=further)
    runs = readable_runs(results, parse_sets(where, "--where"))
    networks = features.complete_extractor(networks, as_json)
    request = EvalRequest(("kid",), networks, cache=features.feature_cache())
    with progress_callback("comparing") as progress:
        evaluation, datasets = Evaluation(request, results, log), dataset or ()
        if to == REAL:
            _print_with_real(compare_with_real(evaluation, runs, datasets, raw_margin, progress), as_json)
            return
        comparisons = compare_methods(evaluation, to, datasets, permutations, runs, progress, raw_margin, raw_bound)
    header = (
        "dataset",
        "direction",
        "method",
        "seed",
        "KID x100",
        "to",
        "KID x100",
        "difference",
        "se",
        "unpaired se",
        "sources",
        "p (Holm)",
        "p of swaps",
    )
    content = [comparison.to_json() for comparison in comparisons]
    print_result(as_json, content, header, [_row(comparison) for comparison in comparisons])
    for comparison in comparisons:
        sentences = (
            comparison.method_text(),
            comparison.seeds_text(),
            comparison.failures_text(),
            comparison.crossed_text(),
            *comparison.equivalence_texts(),
            comparison.untested_text(),
            comparison.missing_text(),
        )
        for sentence in filter(None, sentences):
            log(f"{comparison.dataset} {comparison.direction}: {sentence}")


def _row(comparison: Comparison) -> list[Any]:
    checkpoints = comparison.checkpoints
    errors = (checkpoints.difference.se, comparison.unpaired_se)
    first, second = (f"{100 * value:.4g}" for value in comparison.kids)
    return [
        *(comparison.dataset, comparison.direction, comparison.label, _seeds(comparison)),
        *(first, comparison.to, second),
        f"{100 * checkpoints.difference.value:.3g}",
        *(f"{100 * se:.3g}" for se in errors),
        f"{checkpoints.n} of {comparison.n_sources}",
        *(None if p is None else f"{p:.3g}" for p in (checkpoints.adjusted_p, checkpoints.adjusted_swap_p)),
    ]


def _seeds(comparison: Comparison) -> str | None:
    """The seeds of the two checkpoints: `0`, or `0 and 1` where they differ."""
    return " and ".join(dict.fromkeys("-" if seed is None else str(seed) for seed in comparison.run_seeds))


def _print_with_real(comparisons: Sequence[ComparisonWithReal], as_json: bool) -> None:
    header = (
        "dataset",
        "direction",
        "method",
        "seed",
        "KID x100",
        "to",
        "KID x100",
        "difference",
        "se",
        "95 % interval",
    )
    rows: list[list[Any]] = []
    for comparison in comparisons:
        difference = comparison.difference
        ends = [None if end is None else f"{100 * end:.3g}" for end in (difference.low, difference.high)]
        first, second = (f"{100 * value:.4g}" for value in comparison.kids)
        rows.append(
            [
                *(comparison.dataset, comparison.direction, comparison.label, comparison.seed, first, REAL, second),
                *(f"{100 * number:.3g}" for number in (difference.value, difference.se)),
                None if None in ends else f"[{ends[0]}, {ends[1]}]",
            ]
        )
    print_result(as_json, [comparison.to_json() for comparison in comparisons], header, rows)
    for comparison in comparisons:
        if (sentence := comparison.text()) is not None:
            log(f"{comparison.dataset} {comparison.direction}: {sentence}")
