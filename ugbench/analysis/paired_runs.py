"""Compares two runs by KID on the test sources that both have translated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from torch import Tensor

from ugbench.analysis import differences
from ugbench.analysis.differences import METRIC, DifferenceRecord
from ugbench.data.datasets import DataSet
from ugbench.data.known_files import images_hash
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import StaleOutputs, UsageError
from ugbench.inference.test_set import make_outputs
from ugbench.metrics._kernel import row_sums
from ugbench.runs.folder import DIFFERENCES
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_outputs import Outputs, are_stored, check_imported, outputs_of
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.evaluate import Evaluation
from ugbench.statistics import permutation
from ugbench.statistics.paired import paired_from, unpaired, unpaired_from

LEAST = 3  # images per set that a jackknife needs


def store_differences(evaluation: Evaluation, runs: Sequence[Run]) -> None:
    """Compute and store the missing differences between runs of one data set.

    Only pairs with complete outputs of one size and format are compared, because their scores have one protocol.
    """
    for direction in DIRECTIONS:
        with_outputs = [(run, outputs) for run in runs if (outputs := _complete_outputs(run, direction)) is not None]
        groups: dict[tuple[object, ...], list[tuple[Run, Outputs]]] = {}
        for run, outputs in with_outputs:
            groups.setdefault((outputs.size, outputs.format), []).append((run, outputs))
        for group in groups.values():
            if len(group) > 1:
                _store_group(evaluation, group, direction)


def compare_checkpoints(
    evaluation: Evaluation, dataset: DataSet, direction: Direction, first: Run, second: Run, permutations: int = 1000
) -> tuple[permutation.CheckpointClaim, float]:
    """What can be claimed about the last checkpoints of two runs, and the unpaired standard error.

    Both are compared on the sources that both have translated; outputs that are missing are made first.

    Raises:
        UsageError: their outputs differ in size or format, or have fewer than 3 sources in common.
        RunError: a run has no weights or no outputs.
    """
    for run in (first, second):
        make_outputs(run, dataset, direction, evaluation.request.networks.device)
    first_outputs, second_outputs = (outputs_of(run, dataset, direction) for run in (first, second))
    if (first_outputs.size, first_outputs.format) != (second_outputs.size, second_outputs.format):
        raise UsageError(
            f"{first.config.label} has {first_outputs.format} of {first_outputs.size} px and {second.config.label} "
            f"{second_outputs.format} of {second_outputs.size} px: their scores have two protocols and are not "
            "compared."
        )
    real = evaluation.references(dataset, direction, first_outputs.size)
    first_rows, second_rows = _common_rows(first_outputs, second_outputs)
    if len(first_rows) < LEAST:
        raise UsageError(
            f"{first.config.label} and {second.config.label} have {len(first_rows)} test images in common; "
            f"a difference needs {LEAST}."
        )
    first_features = _features(evaluation, first_outputs, first_rows)
    second_features = _features(evaluation, second_outputs, second_rows)
    claim = permutation.compare(first_features, second_features, real, permutations)
    return claim, unpaired(first_features, second_features, real).se


def _complete_outputs(run: Run, direction: Direction) -> Outputs | None:
    """A run's outputs of its last step in one direction, if all exist."""
    if direction not in run.directions() or (run.config.origin is None and not run.step()):
        return None
    dataset = dataset_of(run)
    outputs = outputs_of(run, dataset, direction)
    # After `eval --select` or an interrupted `--checkpoints all` the outputs belong to another step than the last.
    try:
        check_imported(run, direction, dataset)
    except StaleOutputs:
        return None
    return outputs if are_stored(run, dataset, direction, outputs) else None


def _store_group(evaluation: Evaluation, group: Sequence[tuple[Run, Outputs]], direction: Direction) -> None:
    """Store the missing differences between runs with outputs of one size and format."""
    dataset = dataset_of(group[0][0])
    eval_set = EvalSet(dataset, direction, group[0][1].size)
    contents = tuple(map(images_hash, (eval_set.sources, eval_set.references(evaluation.request.protocol.reference))))
    outputs_hash = {run.id: images_hash(outputs.files) for run, outputs in group}
    size, format = group[0][1].size, group[0][1].format
    folder = group[0][0].dataset_folder
    identifier = evaluation.request.protocol_id_of(METRIC, size, format)
    file = folder / DIFFERENCES
    known = {record.pair for record in differences.read(file)}
    new_records = []
    for (first, first_outputs), (second, second_outputs) in combinations(group, 2):
        runs = (first.id, first_outputs.step, second.id, second_outputs.step)
        first_rows, second_rows = _common_rows(first_outputs, second_outputs)
        images = (*contents, outputs_hash[first.id], outputs_hash[second.id])
        if (folder.name, direction, METRIC, identifier, *runs, *images) in known or len(first_rows) < LEAST:
            continue
        real = evaluation.references(dataset, direction, size)
        sums = (
            row_sums(_features(evaluation, first_outputs, first_rows), real),
            row_sums(_features(evaluation, second_outputs, second_rows), real),
        )
        difference = paired_from(*sums)
        new_records.append(
            DifferenceRecord(
                dataset=folder.name,
                direction=direction,
                metric=METRIC,
                protocol_id=identifier,
                first=first.id,
                first_step=first_outputs.step,
                second=second.id,
                second_step=second_outputs.step,
                value=difference.value,
                se=difference.se,
                unpaired_se=unpaired_from(*sums).se,
                n=len(first_rows),
                n_real=len(real),
                sources=contents[0],
                references=contents[1],
                first_outputs=outputs_hash[first.id],
                second_outputs=outputs_hash[second.id],
            )
        )
    differences.append(file, new_records)


def _features(evaluation: Evaluation, outputs: Outputs, rows: list[int]) -> Tensor:
    return evaluation.features(outputs.files, outputs.size)[rows]


def _common_rows(first: Outputs, second: Outputs) -> tuple[list[int], list[int]]:
    """The rows in both of the sources that both have translated, in the same order."""
    row_of = {source: row for row, source in enumerate(second.sources)}
    pairs = [(row, row_of[source]) for row, source in enumerate(first.sources) if source in row_of]
    return [first_row for first_row, _ in pairs], [second_row for _, second_row in pairs]
