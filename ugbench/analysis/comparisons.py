"""Every method of a data set held against one: of the checkpoints over images, of the methods over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ugbench.analysis.differences import checkpoint_claim
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UnknownName, UsageError
from ugbench.runs.run import Run, dataset_of, list_runs, longest_trained
from ugbench.runs.stored_outputs import outputs_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.statistics import permutation, seeds
from ugbench.statistics.permutation import CheckpointClaim
from ugbench.statistics.seeds import MethodClaim


@dataclass(frozen=True)
class Claim:
    """One comparison on a data set and direction.

    Attributes:
        label, to: the two rows' names.
        runs: the two checkpoints that `checkpoints` is of: of the lowest seed that both have, else each one's first.
        checkpoints: the claim about these two, with Holm's p over the data set and direction.
        unpaired_se: the error of their difference if their scores were independent.
        method: the claim about the methods, over all their seeds, with Holm's p over the same.
    """

    dataset: str
    direction: Direction
    label: str
    to: str
    runs: tuple[str, str]
    checkpoints: CheckpointClaim
    unpaired_se: float
    method: MethodClaim

    def method_text(self) -> str:
        """The claim about the methods in a sentence."""
        return self.method.text(self.label, self.to)

    def to_json(self) -> dict[str, Any]:
        """All fields, with both claims in words."""
        text = {"checkpoints": self.checkpoints.text(self.label, self.to), "method": self.method_text()}
        return {**asdict(self), "text": text}


def claims(
    evaluation: Evaluation,
    to: str,
    datasets: Sequence[str] = (),
    permutations: int = 1000,
    runs: Sequence[Run] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Claim]:
    """Each method's KID less that of the method `to`, wherever both have finished runs.

    Args:
        to: a row's name: ugatit, ugatit-no-cam, nice-gan.
        datasets: names of folders under results; none for all.
        runs: only these; None for all that are finished. Of several of one method, seed and direction the one that
            trained longest counts, as in tables.
    Raises:
        UnknownName: nothing finished has that name.
        UsageError: there is nothing to hold against it.
    """
    found_runs = list_runs(evaluation.results) if runs is None else runs
    runs = [run for run in found_runs if run.is_done() and run.config.dataset is not None]
    runs = longest_trained([run for run in runs if not datasets or run.dataset_folder.name in datasets])
    if to not in {run.config.label for run in runs}:
        raise UnknownName("finished method", to, {run.config.label for run in runs})
    families = [_comparable(evaluation, family) for family in _families(runs, to)]
    families = [family for family in families if family[3]]
    if not families:
        raise UsageError(f"--to {to}: there is no other method beside it to hold against it; train or import one.")
    total, done, found = sum(len(others) for *_, others in families), 0, []
    for dataset, direction, base, others in families:
        family = []
        for own in others.values():
            family.append(_claim(evaluation, direction, own, base, permutations))
            done += 1
            if progress is not None:
                progress(done, total)
        checkpoints = permutation.over_family([claim for _, claim, _, _ in family])
        methods = seeds.over_family([values for *_, values in family])
        for one, claim, method, label in zip(family, checkpoints, methods, others, strict=True):
            found.append(Claim(dataset, direction, label, to, one[0], claim, one[2], method))
    return found


def _families(runs: Sequence[Run], to: str) -> list[tuple[str, Direction, list[Run], dict[str, list[Run]]]]:
    """For each data set and direction the runs of `to`, and the others by label; where there are both."""
    families = []
    for dataset in dict.fromkeys(run.dataset_folder.name for run in runs):
        for direction in DIRECTIONS:
            own = [r for r in runs if r.dataset_folder.name == dataset and direction in r.directions()]
            groups: dict[str, list[Run]] = {}
            for run in own:
                groups.setdefault(run.config.label, []).append(run)
            base = groups.pop(to, [])
            if base and groups:
                families.append((dataset, direction, base, groups))
    return families


def _comparable(
    evaluation: Evaluation, family: tuple[str, Direction, list[Run], dict[str, list[Run]]]
) -> tuple[str, Direction, list[Run], dict[str, list[Run]]]:
    """The family without methods whose outputs have another size or format than the base's, which is said."""
    dataset, direction, base, others = family
    kept = {}
    form = _form(base[0], direction)
    for label, own in others.items():
        if all(_form(run, direction) == form for run in own):
            kept[label] = own
        else:
            evaluation.say(f"{label} on {dataset} {direction} is left out: its outputs have another size or format.")
    return dataset, direction, base, kept


def _form(run: Run, direction: Direction) -> tuple[object, str]:
    outputs = outputs_of(run, dataset_of(run), direction)
    return outputs.size, outputs.format


def _claim(
    evaluation: Evaluation, direction: Direction, own: list[Run], base: list[Run], permutations: int
) -> tuple[tuple[str, str], CheckpointClaim, float, tuple[list[float], list[float]]]:
    """The pair of runs that was compared, what is claimed of it, the unpaired error, and each side's values by seed."""
    first, second = _lowest_common(own, base)
    claim, unpaired_se = checkpoint_claim(evaluation, dataset_of(first), direction, first, second, permutations)
    values = [[_value(evaluation, run, direction) for run in runs] for runs in (own, base)]
    return (first.id, second.id), claim, unpaired_se, (values[0], values[1])


def _lowest_common(one: Sequence[Run], other: Sequence[Run]) -> tuple[Run, Run]:
    by_seed = {run.config.seed: run for run in other}
    for run in sorted(one, key=lambda r: -1 if r.config.seed is None else r.config.seed):
        if run.config.seed in by_seed:
            return run, by_seed[run.config.seed]
    return one[0], other[0]


def _value(evaluation: Evaluation, run: Run, direction: Direction) -> float:
    return next(r.value for r in evaluation.run(run) if r.direction == direction and r.metric == "kid")
