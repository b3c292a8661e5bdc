"""Compares each method with one method: the checkpoints over images, and the methods over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ugbench.analysis.paired_runs import common_sources, compare_checkpoints, sums_on
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UnknownName, UsageError
from ugbench.metrics import kid
from ugbench.metrics._kernel import RowSums, unbiased
from ugbench.runs.configurations import run_labels
from ugbench.runs.run import Run, dataset_of, list_runs
from ugbench.runs.stored_outputs import outputs_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.statistics import crossed, equivalence, paired, permutation, seeds
from ugbench.statistics.crossed import CrossedClaim
from ugbench.statistics.equivalence import Equivalence
from ugbench.statistics.permutation import CheckpointClaim
from ugbench.statistics.seeds import MethodClaim


@dataclass(frozen=True)
class Comparison:
    """A method compared with another one on a data set and direction.

    Attributes:
        label, to: the names of the two methods' rows in tables.
        runs: ids of the two runs in `checkpoints`: those of the lowest seed that both methods have, or else the first
            run of each.
        run_seeds: the seeds of these two runs; None for an import.
        checkpoints: the claim about these two, with Holm's p over all methods and both directions of the data set.
        unpaired_se: the standard error of their difference if their scores were independent.
        method: the claim about the methods, over all their seeds, for these images; adjusted likewise.
        crossed: the claim about the methods for other images like these; None where a method has fewer than three
            seeds.
        kids: raw KID of these two runs. All numbers of a comparison are of the same images: the sources that all runs
            of both methods have translated, whose number is `checkpoints.n`.
        equivalence: of the two checkpoints, and of the methods over their seeds; None without a margin.
        n_sources: number of test sources. If it is larger than `checkpoints.n`, a run lacks outputs, and tables show
            other KIDs, each over all outputs of its run.
    """

    dataset: str
    direction: Direction
    label: str
    to: str
    runs: tuple[str, str]
    run_seeds: tuple[int | None, int | None]
    checkpoints: CheckpointClaim
    unpaired_se: float
    method: MethodClaim
    crossed: CrossedClaim | None
    kids: tuple[float, float]
    n_sources: int
    equivalence: tuple[Equivalence, Equivalence] | None = None

    def method_text(self) -> str:
        """The claim about the methods in a sentence, with KID as tables print it."""
        return self.method.text(self.label, self.to, kid.METRIC.title, kid.METRIC.scale)

    def seeds_text(self) -> str | None:
        """The value of each seed, and the p-value of Welch's test for comparison; None where each method has one."""
        if max(self.method.seeds) < 2:
            return None
        first, second = (
            ", ".join(f"{kid.METRIC.scale * value:.4g}" for value in sorted(values)) for values in self.method.values
        )
        welch = "" if self.method.welch_p is None else f"; Welch's t-test would give p = {self.method.welch_p:.3g}"
        return f"{kid.METRIC.title} of each seed, sorted: {self.label} {first}; {self.to} {second}{welch}."

    def crossed_text(self) -> str | None:
        """The claim about the methods for other images, in a sentence; None where there is none."""
        if self.crossed is None:
            return None
        return self.crossed.text(kid.METRIC.title, kid.METRIC.scale, self.method.testable)

    def equivalence_texts(self) -> list[str]:
        """Whether the checkpoints and the methods are equivalent, a sentence each; none without a margin."""
        units = zip(("checkpoints", "methods"), self.equivalence or (), strict=False)
        return [claim.text(unit, self.label, self.to, kid.METRIC.title, kid.METRIC.scale) for unit, claim in units]

    def missing_text(self) -> str | None:
        """Which images the comparison leaves out, and that tables do not; None if there is an output of each source."""
        missing = self.n_sources - self.checkpoints.n
        if not missing:
            return None
        verb = "has" if missing == 1 else "have"
        return (
            f"{missing} of {self.n_sources} sources {verb} no output of {self.label} or {self.to}, so all numbers of "
            f"this comparison are of the other {self.checkpoints.n}; tables have each run's score over all its outputs."
        )

    def to_json(self) -> dict[str, Any]:
        """All fields, and the claims in words."""
        text: dict[str, Any] = {
            "checkpoints": self.checkpoints.text(self.label, self.to),
            "method": self.method_text(),
            "crossed": self.crossed_text(),
        }
        if self.equivalence is not None:
            text["equivalence"] = self.equivalence_texts()
        return {**asdict(self), "text": text}


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
    permutations: int = 1000,
    runs: Sequence[Run] | None = None,
    progress: Callable[[int, int], None] | None = None,
    margin: float | None = None,
) -> list[Comparison]:
    """Each method's KID minus that of the method `to`, wherever both have finished runs.

    Two methods are compared on the sources that all their runs have translated.

    Args:
        to: the name of a row in tables: ugatit, ugatit-no-cam, nice-gan, or `ugatit (steps 30)` where these runs have
            several configurations of a method.
        datasets: names of folders under results; empty for all.
        permutations: of the test of checkpoints.
        runs: only these; None for all. Those that are not finished are left out.
        progress: called with (methods compared, number of methods).
        margin: test equivalence within this difference of KID, raw; None for no such test.
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
    for sentence in _too_few_permutations(groups, permutations):
        evaluation.log(sentence)
    total, done = sum(len(group.others) for group in groups), 0
    pairs: dict[str, list[tuple[_Group, str, _Pair]]] = {}
    for group in groups:
        known: _Sums = {}
        for label, other in group.others.items():
            pair = _compare(evaluation, group.direction, other, group.base, permutations, known)
            pairs.setdefault(group.dataset, []).append((group, label, pair))
            done += 1
            if progress is not None:
                progress(done, total)
    return [comparison for of_dataset in pairs.values() for comparison in _over_family(of_dataset, to, margin)]


def _too_few_permutations(groups: Sequence[_Group], permutations: int) -> Iterator[str]:
    """A sentence for each data set with so many comparisons that no p-value of so many permutations could be small."""
    for dataset in dict.fromkeys(group.dataset for group in groups):
        comparisons = sum(len(group.others) for group in groups if group.dataset == dataset)
        needed = math.ceil(comparisons / seeds.ALPHA) - 1  # the smallest p-value is 1 / (permutations + 1)
        if permutations < needed:
            yield (
                f"{dataset}: with {permutations} permutations no difference of checkpoints can be shown after Holm's "
                f"correction for {comparisons} comparisons; give --permutations {needed} or more."
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
    direction: Direction,
    other: list[Run],
    base: list[Run],
    permutations: int,
    known: _Sums,
) -> _Pair:
    """Two methods, before the adjustment over the family.

    Args:
        known: kernel sums by the run's id and sources, which this adds to: the base is in each comparison of a group.
    """
    first, second = _with_lowest_common_seed(other, base)
    for run in (*other, *base):
        evaluation.run(run)  # makes missing outputs
    dataset = dataset_of(first)
    sources = common_sources(evaluation, [*other, *base], dataset, direction)
    claim, unpaired_se = compare_checkpoints(evaluation, direction, first, second, sources, permutations)
    sums = {}
    for run in (*other, *base):
        key = (run.id, tuple(sources))
        if key not in known:
            known[key] = sums_on(evaluation, run, direction, sources)
        sums[run.id] = known[key]
    transform = outputs_of(first, dataset, direction).transform
    n_sources = len(evaluation.request.eval_set(dataset, direction, transform).source_set.scored)
    of_methods = ([sums[run.id] for run in other], [sums[run.id] for run in base])
    of_two = (unbiased(sums[first.id]), unbiased(sums[second.id]))
    run_seeds = (first.config.seed, second.config.seed)
    return _Pair((first.id, second.id), run_seeds, claim, unpaired_se, of_methods, of_two, n_sources)


def _equivalence(pair: _Pair, margin: float) -> tuple[Equivalence, Equivalence]:
    """Of the two checkpoints, and of the methods."""
    difference = pair.claim.difference
    checkpoints = equivalence.of_images(difference.low_90, difference.high_90, margin, paired.MIN_FOR_INTERVAL)
    return checkpoints, equivalence.of_methods(*pair.values, margin)


def _with_lowest_common_seed(others: Sequence[Run], base: Sequence[Run]) -> tuple[Run, Run]:
    base_by_seed = {run.config.seed: run for run in base}
    for run in sorted(others, key=lambda r: -1 if r.config.seed is None else r.config.seed):
        if run.config.seed in base_by_seed:
            return run, base_by_seed[run.config.seed]
    return others[0], base[0]
