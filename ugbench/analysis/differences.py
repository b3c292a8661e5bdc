"""Paired differences between runs: of KID, on the test sources that both have translated.

`eval` keeps every pair's difference and paired standard error in results/<dataset>/differences.jsonl, so that tables
can say what is not distinguishable. `checkpoint_claim` adds the permutation test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from ugbench.data.datasets import DataSet
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UsageError
from ugbench.inference.test_set import make_outputs
from ugbench.metrics._kernel import row_sums
from ugbench.runs import jsonl
from ugbench.runs.folder import DIFFERENCES
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_outputs import Outputs, are_stored, outputs_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.protocol import protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.statistics import permutation
from ugbench.statistics.paired import paired_from, unpaired, unpaired_from

METRIC = "kid"
LEAST = 3  # images a side that a jackknife needs


class DifferenceRecord(BaseModel):
    """KID of run `first` minus KID of run `second`, raw, over the sources that both have translated.

    `se` is the paired standard error over images, `unpaired_se` what it would be if the two were independent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    direction: Direction
    metric: str
    protocol_id: str
    first: str
    first_step: int | None
    second: str
    second_step: int | None
    value: float
    se: float
    unpaired_se: float
    n: int
    n_real: int

    @property
    def pair(self) -> tuple[object, ...]:
        """What it is a difference of: of two records with one pair the newer counts."""
        runs = (self.first, self.first_step, self.second, self.second_step)
        return (self.dataset, self.direction, self.metric, self.protocol_id, *runs)


def read_all(results: Path) -> list[DifferenceRecord]:
    """Every difference under a results folder, oldest first.

    Raises:
        RunError: a line is no such record.
    """
    return [one for file in sorted(results.rglob(DIFFERENCES)) for one in _read(file)]


def are_due(records: Iterable[ScoreRecord]) -> bool:
    """Whether scores that were just made are such as differences are kept of: the full, unbiased KID."""
    return any(one.metric == METRIC and one.protocol["settings"].get("estimator") == "unbiased" for one in records)


def keep_differences(evaluation: Evaluation, runs: Sequence[Run]) -> None:
    """Compute what is missing of the differences between runs of one data set, and keep it.

    Only pairs whose outputs are there and have one size and format are compared; their scores have one protocol.
    """
    for direction in DIRECTIONS:
        able = [(run, found) for run in runs if (found := _kept(run, direction)) is not None]
        for group in _alike(able):
            _keep(evaluation, group, direction)


def checkpoint_claim(
    evaluation: Evaluation, dataset: DataSet, direction: Direction, first: Run, second: Run, permutations: int = 1000
) -> tuple[permutation.CheckpointClaim, float]:
    """What can be said of two checkpoints on the sources that both have translated, and the unpaired error.

    Raises:
        UsageError: their outputs differ in size or format, or have fewer than 3 sources in common.
        RunError: a run has no weights or no outputs.
    """
    both = []
    for run in (first, second):
        make_outputs(run, dataset, direction, evaluation.wanted.networks.device)
        both.append(outputs_of(run, dataset, direction))
    one, other = both
    if (one.size, one.format) != (other.size, other.format):
        raise UsageError(
            f"{first.config.label} has {one.format} of {one.size} px and {second.config.label} {other.format} of "
            f"{other.size} px: their scores have two protocols and are not compared."
        )
    real = evaluation.references(dataset, direction, one.size)
    rows = _common(one, other)
    _refuse_few(first, second, len(rows[0]))
    features = [evaluation.features(own.files, own.size)[places] for own, places in zip(both, rows, strict=True)]
    claim = permutation.compare(features[0], features[1], real, permutations)
    return claim, unpaired(features[0], features[1], real).se


def _kept(run: Run, direction: Direction) -> Outputs | None:
    """A run's outputs this way, if they are all there."""
    if direction not in run.directions() or (run.config.origin is None and not run.step()):
        return None
    found = outputs_of(run, dataset_of(run), direction)
    # After `eval --select` or a killed `--checkpoints all` they are of another step than the last.
    return found if are_stored(run, direction, found) else None


def _alike(able: Sequence[tuple[Run, Outputs]]) -> list[list[tuple[Run, Outputs]]]:
    groups: dict[tuple[object, ...], list[tuple[Run, Outputs]]] = {}
    for run, outputs in able:
        groups.setdefault((outputs.size, outputs.format), []).append((run, outputs))
    return [group for group in groups.values() if len(group) > 1]


def _keep(evaluation: Evaluation, group: Sequence[tuple[Run, Outputs]], direction: Direction) -> None:
    dataset = dataset_of(group[0][0])
    size, format = group[0][1].size, group[0][1].format
    folder = evaluation.folder(dataset)
    identifier = protocol_id(evaluation.wanted.protocol_of(METRIC, size, format))
    known = {one.pair for one in _read(folder / DIFFERENCES)}
    new = []
    for (first, one), (second, other) in combinations(group, 2):
        steps = {"first_step": one.step, "second_step": other.step}
        where = {"dataset": folder.name, "direction": direction, "metric": METRIC, "protocol_id": identifier}
        rows = _common(one, other)
        pair = (*where.values(), first.id, one.step, second.id, other.step)
        if pair in known or len(rows[0]) < LEAST:
            continue
        real = evaluation.references(dataset, direction, size)
        sums = [row_sums(_rows(evaluation, own, places), real) for own, places in zip((one, other), rows, strict=True)]
        found = paired_from(*sums)
        record = DifferenceRecord(
            **where,
            **steps,
            first=first.id,
            second=second.id,
            value=found.value,
            se=found.se,
            unpaired_se=unpaired_from(*sums).se,
            n=len(rows[0]),
            n_real=len(real),
        )
        new.append(record.model_dump())
    jsonl.append(folder / DIFFERENCES, new)


def _rows(evaluation: Evaluation, outputs: Outputs, places: list[int]) -> Tensor:
    return evaluation.features(outputs.files, outputs.size)[places]


def _common(one: Outputs, other: Outputs) -> tuple[list[int], list[int]]:
    """Places in both of the sources that both have translated, in one order."""
    places = {source: place for place, source in enumerate(other.sources)}
    pairs = [(place, places[source]) for place, source in enumerate(one.sources) if source in places]
    return [first for first, _ in pairs], [second for _, second in pairs]


def _refuse_few(first: Run, second: Run, common: int) -> None:
    if common < LEAST:
        raise UsageError(
            f"{first.config.label} and {second.config.label} have {common} test images in common; "
            f"a difference needs {LEAST}."
        )


def _read(file: Path) -> Iterator[DifferenceRecord]:
    return jsonl.read(file, lambda fields: DifferenceRecord(**fields), "difference of runs")
