"""Compares two runs by KID on the test sources that both have translated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from torch import Tensor

from ugbench.analysis import differences
from ugbench.analysis.differences import METRIC, DifferenceRecord
from ugbench.data.datasets import DataSet
from ugbench.data.known_files import images_hash
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import RunError, UsageError
from ugbench.fit import SQUASH
from ugbench.image_size import size_text
from ugbench.metrics._kernel import RowSums, row_sums
from ugbench.runs.folder import DIFFERENCES
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_outputs import Outputs, are_stored, check_imported, outputs_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.scored_outputs import rows_of, scored_outputs
from ugbench.scoring.several_runs import why_left_out
from ugbench.statistics import permutation
from ugbench.statistics.paired import paired_from, unpaired, unpaired_from

LEAST = 3  # images per set that a jackknife needs


def store_differences(evaluation: Evaluation, runs: Sequence[Run]) -> None:
    """Compute and store the missing differences between runs of one data set.

    Only pairs with complete outputs of one size, fit and format are compared, because their scores have one protocol.
    A damaged run, and one whose imported outputs were made from other images, is left out with a message.
    """
    for direction in DIRECTIONS:
        groups: dict[tuple[object, ...], list[tuple[Run, Outputs]]] = {}
        for run in runs:
            try:
                outputs = _complete_outputs(run, direction)
            except RunError as error:
                evaluation.log_once(why_left_out(run, error))
                continue
            if outputs is not None:
                groups.setdefault((outputs.transform, outputs.format), []).append((run, outputs))
        for group in groups.values():
            if len(group) > 1:
                _store_group(evaluation, group, direction)


def store_due_differences(evaluation: Evaluation, scores: Sequence[ScoreRecord], runs: Sequence[Run]) -> None:
    """Store the missing differences between runs of each data set, if the scores make them due (`are_due`).

    What cannot be written is kept in `evaluation.unwritten`.

    Args:
        runs: runs of any data sets; those of data sets without one of these scores are left out.
    """
    if not differences.are_due(scores):
        return
    datasets = {score.dataset for score in scores}
    for folder in dict.fromkeys(run.dataset_folder for run in runs if run.dataset_folder.name in datasets):
        with evaluation.unwritten.keep():
            store_differences(evaluation, [run for run in runs if run.dataset_folder == folder])


def common_sources(evaluation: Evaluation, runs: Sequence[Run], dataset: DataSet, direction: Direction) -> list[Path]:
    """The scored test sources that all of these runs have translated, sorted by name.

    Raises:
        UsageError: there are fewer than 3, or outputs of two runs differ in size, fit or format.
        RunError: a run has no outputs.
    """
    first, *others = [(run.config.label, outputs_of(run, dataset, direction)) for run in runs]
    eval_set = evaluation.eval_set(dataset, direction, first[1].transform)
    sources = list(scored_outputs(first[1], eval_set).sources)
    for label, outputs in others:
        if (outputs.transform, outputs.format) != (first[1].transform, first[1].format):
            raise UsageError(
                f"{first[0]} has {_form(first[1])} and {label} {_form(outputs)}: their "
                f"scores have two protocols and are not compared."
            )
        translated = set(outputs.sources)
        sources = [source for source in sources if source in translated]
    if len(sources) < LEAST:
        names = " and ".join(dict.fromkeys(run.config.label for run in runs))
        raise UsageError(f"{names} have {len(sources)} test images in common; a difference needs {LEAST}.")
    return sources


def sums_on(evaluation: Evaluation, run: Run, direction: Direction, sources: Sequence[Path]) -> RowSums:
    """The kernel sums of a run's outputs for these sources, with the references. The outputs exist."""
    outputs = outputs_of(run, dataset_of(run), direction)
    real = evaluation.references(dataset_of(run), direction, outputs.transform)
    return row_sums(_features(evaluation, outputs, rows_of(outputs, sources)), real)


def compare_checkpoints(
    evaluation: Evaluation,
    direction: Direction,
    first: Run,
    second: Run,
    sources: Sequence[Path],
    permutations: int | None = None,
    comparisons: int = 1,
) -> tuple[permutation.CheckpointClaim, float]:
    """What can be claimed about the last checkpoints of two runs, and the unpaired standard error.

    Args:
        sources: those that both have translated, see `common_sources`; their outputs exist.
        permutations, comparisons: of the permutation test, see `ugbench.statistics.permutation.compare`.
    """
    dataset = dataset_of(first)
    first_outputs, second_outputs = (outputs_of(run, dataset, direction) for run in (first, second))
    real = evaluation.references(dataset, direction, first_outputs.transform)
    first_features, second_features = (
        _features(evaluation, outputs, rows_of(outputs, sources)) for outputs in (first_outputs, second_outputs)
    )
    claim = permutation.compare(first_features, second_features, real, permutations, comparisons=comparisons)
    return claim, unpaired(first_features, second_features, real).se


def _complete_outputs(run: Run, direction: Direction) -> Outputs | None:
    """A run's outputs of its last step in one direction, if all exist.

    Raises:
        RunError: the run is damaged.
        StaleOutputs: its outputs were imported, and made from other images than those of the data set now.
    """
    if direction not in run.directions() or (run.config.origin is None and not run.step()):
        return None
    dataset = dataset_of(run)
    check_imported(run, direction, dataset)
    outputs = outputs_of(run, dataset, direction)
    # After `eval --select` or an interrupted `--checkpoints all` the outputs belong to another step than the last.
    return outputs if are_stored(run, dataset, direction, outputs) else None


def _store_group(evaluation: Evaluation, group: Sequence[tuple[Run, Outputs]], direction: Direction) -> None:
    """Store the missing differences between runs with outputs of one size, fit and format."""
    dataset = dataset_of(group[0][0])
    eval_set = evaluation.eval_set(dataset, direction, group[0][1].transform)
    references = eval_set.references(evaluation.request.protocol.reference)
    contents = (images_hash(eval_set.source_set.files), images_hash(references.files))
    group = [(run, scored_outputs(outputs, eval_set)) for run, outputs in group]
    outputs_hash = {run.id: images_hash(outputs.files) for run, outputs in group}
    transform, format = group[0][1].transform, group[0][1].format
    folder = group[0][0].dataset_folder
    identifier = evaluation.request.protocol_id_of(METRIC, transform, format)
    file = folder / DIFFERENCES
    # Older versions scored near-duplicates too: such a record has the same pair, but another number of references.
    known = {(record.pair, record.n_real) for record in differences.read(file)}
    new_records = []
    for (first, first_outputs), (second, second_outputs) in combinations(group, 2):
        runs = (first.id, first_outputs.step, second.id, second_outputs.step)
        first_rows, second_rows = _common_rows(first_outputs, second_outputs)
        images = (*contents, outputs_hash[first.id], outputs_hash[second.id])
        pair = (folder.name, direction, METRIC, identifier, *runs, *images)
        if (pair, len(references.scored)) in known or len(first_rows) < LEAST:
            continue
        real = evaluation.references(dataset, direction, transform)
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


def _form(outputs: Outputs) -> str:
    """The format, size and fit of outputs, in words: "png of 256 px (crop)"."""
    fit = outputs.transform.fit
    return f"{outputs.format} of {size_text(outputs.size)} px" + ("" if fit == SQUASH else f" ({fit})")


def _features(evaluation: Evaluation, outputs: Outputs, rows: list[int]) -> Tensor:
    return evaluation.features(outputs.files, outputs.transform)[rows]


def _common_rows(first: Outputs, second: Outputs) -> tuple[list[int], list[int]]:
    """The rows in both of the sources that both have translated, in the same order."""
    row_of = {source: row for row, source in enumerate(second.sources)}
    pairs = [(row, row_of[source]) for row, source in enumerate(first.sources) if source in row_of]
    return [first_row for first_row, _ in pairs], [second_row for _, second_row in pairs]
