"""Which claims about methods a study can make, said before it trains."""

from __future__ import annotations

from collections.abc import Sequence

from ugbench.statistics.seeds import TEST, seeds_to_test
from ugbench.study.plan import PlannedRun


def declared_test(planned: Sequence[PlannedRun]) -> str | None:
    """The test of a study's methods, and whether its seeds are enough; None for a study of one method.

    On each data set one method is compared with each of the others, in each direction that both have.
    """
    comparisons = max(_comparisons(planned, dataset) for dataset in {run.study_run.dataset for run in planned})
    if not comparisons:
        return None
    seeds, needed = len({run.study_run.seed for run in planned}), seeds_to_test(comparisons)
    enough = "" if seeds >= needed else f", so {seeds} {'is' if seeds == 1 else 'are'} too few to show any"
    return (
        f"claims about methods: {TEST}; {comparisons} "
        f"{'comparison' if comparisons == 1 else 'comparisons'} with one method per data set need {needed} seeds per "
        f"method{enough}."
    )


def _comparisons(planned: Sequence[PlannedRun], dataset: str) -> int:
    arms: dict[str, set[object]] = {}
    for run in planned:
        if run.study_run.dataset == dataset:
            for direction in run.run.directions():
                arms.setdefault(direction, set()).add(run.study_run.arm)
    return sum(len(of_direction) - 1 for of_direction in arms.values())
