"""Compares the KID of each run's outputs with that of `real`: training images of the target domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.metrics import kid
from ugbench.metrics._kernel import row_sums, unbiased
from ugbench.runs.configurations import run_labels
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_outputs import outputs_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.scored_outputs import scored_outputs
from ugbench.statistics.difference_to_real import MIN_FOR_INTERVAL, difference_to_real
from ugbench.statistics.equivalence import Equivalence, of_images
from ugbench.statistics.recovery import Difference


@dataclass(frozen=True)
class ComparisonWithReal:
    """The outputs of one run in one direction, compared with training images of the target domain.

    Attributes:
        label: the name of the run's row in tables.
        kids: raw KID of the outputs and of `real`, both against the test images of the target domain.
        difference: KID of the outputs minus KID of `real`, raw.
        n, n_train, n_references: numbers of outputs, of training images and of references.
        equivalence: whether the difference is within the margin; None without a margin.
    """

    dataset: str
    direction: Direction
    label: str
    seed: int | None
    run: str
    kids: tuple[float, float]
    difference: Difference
    n: int
    n_train: int
    n_references: int
    equivalence: Equivalence | None

    def text(self) -> str | None:
        """Whether the outputs are as near to the references as training images are; None without a margin."""
        if self.equivalence is None:
            return None
        name = self.label if self.seed is None else f"{self.label} (seed {self.seed})"
        return self.equivalence.text("sets of images", name, "real", kid.METRIC.title, kid.METRIC.scale)

    def to_json(self) -> dict[str, Any]:
        """All fields, and the claim of equivalence in words."""
        return {**asdict(self), "to": "real", "text": self.text()}


def compare_with_real(
    evaluation: Evaluation,
    runs: Sequence[Run],
    datasets: Sequence[str] = (),
    margin: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[ComparisonWithReal]:
    """The difference to `real` for each finished run and direction whose data set has training images of the target.

    The training images are those of the row `real` of tables: as many as there are sources, or all if there are fewer.

    Args:
        datasets: names of folders under results; empty for all.
        margin: test equivalence within this difference of KID, raw; None for no such test.
        progress: called with (runs compared, number of runs).
    Raises:
        UsageError: no finished run has a data set with training images of the target domain.
    """
    runs = [run for run in runs if run.is_done() and run.config.dataset is not None]
    runs = [run for run in runs if not datasets or run.dataset_folder.name in datasets]
    labels, comparisons = run_labels(runs), []
    for number, run in enumerate(runs, 1):
        evaluation.run(run)  # makes missing outputs
        for direction in run.directions():
            comparison = _compare(evaluation, run, labels[run.id], direction, margin)
            if comparison is None:
                evaluation.log(f"{run.dataset_folder.name} {direction}: there are no training images of the target.")
            else:
                comparisons.append(comparison)
        if progress is not None:
            progress(number, len(runs))
    if not comparisons:
        raise UsageError("--to real: no finished run has a data set with training images of the target; train one.")
    return comparisons


def _compare(
    evaluation: Evaluation, run: Run, label: str, direction: Direction, margin: float | None
) -> ComparisonWithReal | None:
    dataset = dataset_of(run)
    outputs = outputs_of(run, dataset, direction)
    eval_set = evaluation.eval_set(dataset, direction, outputs.transform)
    if not eval_set.has_training_images:
        return None
    references = evaluation.references(dataset, direction, outputs.transform)
    of_outputs = evaluation.features(scored_outputs(outputs, eval_set).files, outputs.transform)
    of_training = evaluation.features(eval_set.as_many_training_images, outputs.transform)
    difference = difference_to_real(of_outputs, of_training, references)
    return ComparisonWithReal(
        run.dataset_folder.name,
        direction,
        label,
        run.config.seed,
        run.id,
        (unbiased(row_sums(of_outputs, references)), unbiased(row_sums(of_training, references))),
        difference,
        len(of_outputs),
        len(of_training),
        len(references),
        None if margin is None else of_images(difference.low_90, difference.high_90, margin, MIN_FOR_INTERVAL),
    )
