"""Compares each method with one method: the checkpoints over images, and the methods over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ugbench.analysis.comparison import Comparison
from ugbench.analysis.paired_runs import common_sources, compare_checkpoints, sums_on
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UnknownName, UsageError
from ugbench.metrics._kernel import RowSums, unbiased
from ugbench.runs.configurations import configurations, run_labels
from ugbench.runs.failure import stopped_at_nan
from ugbench.runs.run import Run, dataset_of, list_runs
from ugbench.runs.stored_outputs import outputs_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.statistics import crossed, equivalence, failures, paired, permutation, seeds
from ugbench.statistics.equivalence import Equivalence
from ugbench.statistics.permutation import CheckpointClaim

_Sums = dict[tuple[str, tuple[Path, ...]], RowSums]


class _Group(NamedTuple):
    """The methods of a data set and direction, which are compared on their common sources."""

    dataset: str
    direction: Direction
    base: list[Run]
    others: dict[str, list[Run]]  # by label


class _Pair(NamedTuple):
    """A method compared with the base, before Holm's adjustment over the family."""

    runs: tuple[str, str]
    run_seeds: tuple[int | None, int | None]
    claim: CheckpointClaim
    unpaired_se: float
    sums: tuple[list[RowSums], list[RowSums]]  # kernel sums of each seed, of both methods
    kids: tuple[float, float]  # KID of the two runs
    n_sources: int

    @property
    def values(self) -> tuple[list[float], list[float]]:
        """KID of each seed, of both methods."""
        return [unbiased(sums) for sums in self.sums[0]], [unbiased(sums) for sums in self.sums[1]]


def compare_methods(
    evaluation: Evaluation,
    to: str,
    datasets: Sequence[str] = (),
    permutations: int | None = None,
    runs: Sequence[Run] | None = None,
    progress: Callable[[int, int], None] | None = None,
    margin: float | None = None,
    failed_above: float | None = None,
) -> list[Comparison]:
    """Each method's KID minus that of the method `to`, wherever both have finished runs.

    Two methods are compared on the sources that all their runs have translated.

    Args:
        to: the name of a row in tables: ugatit, ugatit-no-cam, nice-gan, or `ugatit (steps 30)` where these runs have
            several configurations of a method.
        datasets: names of folders under results; empty for all.
        permutations: their number in the permutation test of checkpoints; None for as many as are needed to tell its
            p-values from the levels of Holm's adjustment.
        runs: only these; None for all. Those that are not finished are left out.
        progress: called with (methods compared, number of methods).
        margin: test equivalence within this difference of KID, raw; None for no such test.
        failed_above: seeds with a raw KID above this failed, and so did seeds whose training stopped at NaN or Inf;
            None to count no failures.
    Raises:
        UnknownName: no finished run has that name.
        UsageError: several configurations have that name, or there is no other method to compare with it.
    """
    candidates = list_runs(evaluation.results) if runs is None else runs
    runs = [run for run in candidates if run.is_done() and run.config.dataset is not None]
    runs = [run for run in runs if not datasets or run.dataset_folder.name in datasets]
    labels = run_labels(runs)
    if to not in labels.values():
        if configs := sorted({labels[run.id] for run in runs if run.config.label == to}):
            names = ", ".join(f"'{name}'" for name in configs)
            raise UsageError(f"--to {to}: it has several configurations; give one of {names}, or choose with --where.")
        raise UnknownName("finished method", to, labels.values())
    groups = [_with_equal_format(evaluation, group) for group in _groups(runs, labels, to)]
    groups = [group for group in groups if group.others]
    if not groups:
        raise UsageError(f"--to {to}: there is no other method to compare with it; train or import one.")
    comparisons = _comparisons(groups)
    if permutations is not None:
        for sentence in _too_few_permutations(comparisons, permutations):
            evaluation.log(sentence)
    total, done = sum(comparisons.values()), 0
    pairs: dict[str, list[tuple[_Group, str, _Pair]]] = {}
    for group in groups:
        known: _Sums = {}
        for label, other in group.others.items():
            pair = _compare(evaluation, group, other, permutations, comparisons[group.dataset], known)
            pairs.setdefault(group.dataset, []).append((group, label, pair))
            done += 1
            if progress is not None:
                progress(done, total)
    compared = [comparison for of_dataset in pairs.values() for comparison in _over_family(of_dataset, to, margin)]
    if failed_above is None:
        return compared
    return _with_failures(
        compared, [pair for of_dataset in pairs.values() for pair in of_dataset], candidates, failed_above
    )


def _comparisons(groups: Sequence[_Group]) -> dict[str, int]:
    """The number of comparisons on each data set, in both directions."""
    return {
        dataset: sum(len(group.others) for group in groups if group.dataset == dataset)
        for dataset in dict.fromkeys(group.dataset for group in groups)
    }


def _too_few_permutations(comparisons: Mapping[str, int], permutations: int) -> Iterator[str]:
    """A sentence for each data set on which so few permutations can give no p-value of 0.05 or less after Holm."""
    for dataset, number in comparisons.items():
        needed = math.ceil(number / seeds.ALPHA) - 1  # the smallest p-value is 1 / (permutations + 1)
        if permutations < needed:
            yield (
                f"{dataset}: with {permutations} permutations no p of swaps can be 0.05 or less after Holm's "
                f"correction for {number} comparisons; give --permutations {needed} or more, or leave it out."
            )


def _over_family(pairs: Sequence[tuple[_Group, str, _Pair]], to: str, margin: float | None) -> list[Comparison]:
    """The comparisons of a data set, in both directions, with p-values that are adjusted over all of them."""
    checkpoints = permutation.over_family([pair.claim for _, _, pair in pairs])
    methods = seeds.over_family([pair.values for _, _, pair in pairs])
    crossed_claims = crossed.over_family([crossed.compare(*pair.sums) for _, _, pair in pairs])
    return [
        Comparison(
            group.dataset,
            group.direction,
            label,
            to,
            pair.runs,
            pair.run_seeds,
            checkpoint,
            pair.unpaired_se,
            method,
            crossed_claim,
            pair.kids,
            pair.n_sources,
            None if margin is None else _equivalence(pair, margin),
        )
        for (group, label, pair), checkpoint, method, crossed_claim in zip(
            pairs, checkpoints, methods, crossed_claims, strict=True
        )
    ]


def _with_failures(
    comparisons: Sequence[Comparison],
    pairs: Sequence[tuple[_Group, str, _Pair]],
    candidates: Sequence[Run],
    above: float,
) -> list[Comparison]:
    """The comparisons with the claims about how often seeds fail, adjusted over all comparisons of a data set.

    Args:
        pairs: what the comparisons were made from, in the same order.
        candidates: runs to search for those that stopped at NaN or Inf.
    """
    stopped = [run for run in candidates if run.config.dataset is not None and stopped_at_nan(run)]
    configs = configurations(candidates)

    def rate(runs: Sequence[Run], values: Sequence[float], direction: Direction) -> failures.FailureRate:
        alike = [
            run
            for run in stopped
            if run.dataset_folder == runs[0].dataset_folder
            and direction in run.directions()
            and configs[run.id].id == configs[runs[0].id].id
        ]
        return failures.failure_rate(values, above, len(alike))

    claims: dict[str, list[failures.FailureClaim]] = {}
    for group, label, pair in pairs:
        first, second = (
            rate(runs, values, group.direction)
            for runs, values in zip((group.others[label], group.base), pair.values, strict=True)
        )
        claims.setdefault(group.dataset, []).append(failures.compare(first, second, above))
    adjusted = [claim for of_dataset in claims.values() for claim in failures.over_family(of_dataset)]
    return [replace(comparison, failures=claim) for comparison, claim in zip(comparisons, adjusted, strict=True)]


def _groups(runs: Sequence[Run], labels: Mapping[str, str], to: str) -> list[_Group]:
    """The data sets and directions that have runs of `to` and of another method."""
    groups = []
    for dataset in dict.fromkeys(run.dataset_folder.name for run in runs):
        for direction in DIRECTIONS:
            by_label: dict[str, list[Run]] = {}
            for run in runs:
                if run.dataset_folder.name == dataset and direction in run.directions():
                    by_label.setdefault(labels[run.id], []).append(run)
            base = by_label.pop(to, [])
            if base and by_label:
                groups.append(_Group(dataset, direction, base, by_label))
    return groups


def _with_equal_format(evaluation: Evaluation, group: _Group) -> _Group:
    """The group without methods whose outputs have another size, fit or format than the base's; logs which."""
    base_format = _transform_and_format(group.base[0], group.direction)
    others = {}
    for label, runs in group.others.items():
        if all(_transform_and_format(run, group.direction) == base_format for run in runs):
            others[label] = runs
        else:
            where = f"{label} on {group.dataset} {group.direction}"
            evaluation.log(f"{where} is left out: its outputs have another size, fit or format.")
    return group._replace(others=others)


def _transform_and_format(run: Run, direction: Direction) -> tuple[object, str]:
    outputs = outputs_of(run, dataset_of(run), direction)
    return outputs.transform, outputs.format


def _compare(
    evaluation: Evaluation,
    group: _Group,
    other: list[Run],
    permutations: int | None,
    comparisons: int,
    known: _Sums,
) -> _Pair:
    """A method of the group compared with the base, before the adjustment over the family.

    Each run's missing outputs are made first.

    Args:
        comparisons: number of comparisons in the family.
        known: kernel sums by the run's id and sources. New sums are added, because each comparison needs the base's.
    """
    base, direction = group.base, group.direction
    first, second = _with_lowest_common_seed(other, base)
    for run in (*other, *base):
        evaluation.run(run)  # makes missing outputs
    dataset = dataset_of(first)
    sources = common_sources(evaluation, [*other, *base], dataset, direction)
    claim, unpaired_se = compare_checkpoints(evaluation, direction, first, second, sources, permutations, comparisons)
    sums = {}
    for run in (*other, *base):
        key = (run.id, tuple(sources))
        if key not in known:
            known[key] = sums_on(evaluation, run, direction, sources)
        sums[run.id] = known[key]
    transform = outputs_of(first, dataset, direction).transform
    n_sources = len(evaluation.eval_set(dataset, direction, transform).source_set.scored)
    of_methods = ([sums[run.id] for run in other], [sums[run.id] for run in base])
    of_two = (unbiased(sums[first.id]), unbiased(sums[second.id]))
    run_seeds = (first.config.seed, second.config.seed)
    return _Pair((first.id, second.id), run_seeds, claim, unpaired_se, of_methods, of_two, n_sources)


def _equivalence(pair: _Pair, margin: float) -> tuple[Equivalence, Equivalence]:
    """The equivalence of the two checkpoints, and that of the methods."""
    difference = pair.claim.difference
    checkpoints = equivalence.of_images(difference.low_90, difference.high_90, margin, paired.MIN_FOR_INTERVAL)
    return checkpoints, equivalence.of_methods(*pair.values, margin)


def _with_lowest_common_seed(others: Sequence[Run], base: Sequence[Run]) -> tuple[Run, Run]:
    base_by_seed = {run.config.seed: run for run in base}
    for run in sorted(others, key=lambda r: -1 if r.config.seed is None else r.config.seed):
        if run.config.seed in base_by_seed:
            return run, base_by_seed[run.config.seed]
    return others[0], base[0]
