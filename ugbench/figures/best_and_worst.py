"""The outputs of a run that a score ranks best, beside those that it ranks worst."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ugbench import registry
from ugbench.data.datasets import DataSet
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UsageError
from ugbench.figures import _image_grid
from ugbench.figures._context import FigureContext, label_runs
from ugbench.runs.dataset_folder import contents_of_tests
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import files_by_stem, sources_of, stored_step, transform_of
from ugbench.scoring import per_image
from ugbench.scoring.per_image import ImageScores

TITLE = "the outputs of a run that a score ranks best, beside those that it ranks worst"


def draw(context: FigureContext) -> Figure:
    """One row per rank: input, output and known truth of the best image, and of the worst image, of that rank.

    For many metrics `ugbench eval` stores what each output contributes to the score. Rows are named by their rank.

    Raises:
        UsageError: there are no runs, or runs of several data sets; no metric with a best value has stored
            scores of single outputs, or several have and `context.metrics` does not choose one; no run has two ranked
            outputs; `context.every` is given, which chooses no ranks; or there is more than fits on a page.
        RunError: the data set is gone, its test images have changed, or the stored scores are damaged.
        DataError: an image cannot be read.
    """
    if context.every is not None:
        raise UsageError(f"--every {context.every}: best_and_worst shows ranks, not every n-th image; give --rows N.")
    runs = context.selected_runs_of_one_dataset()
    blocks = []
    has_scores = False
    for run, label in zip(runs, label_runs(runs), strict=True):
        for direction in DIRECTIONS if context.direction is None else (context.direction,):
            stored = per_image.read(run, direction, stored_step(run, direction))
            if not stored or direction not in run.directions():
                continue
            dataset = sources_of([run], direction)
            if current := per_image.of_images_now(stored, run, direction, contents_of_tests(dataset)):
                has_scores = True
                of_run = f" of {label}" if len(runs) > 1 else ""
                scores = _chosen(current, context.metrics, run)
                blocks += _blocks(run, dataset, of_run, direction, scores, context.limit)
    if not blocks:
        ids = ", ".join(run.id for run in runs)
        raise UsageError(
            f"{ids} have fewer than two outputs with a stored score, so no best beside a worst; run `ugbench eval "
            f"{runs[0].id}` on two test images or more."
            if has_scores
            else f"no scores of single outputs, of the images there now, are stored with {ids}; run `ugbench eval "
            f"{runs[0].id}` with kid, or with a metric that compares each output with its truth."
        )
    return _image_grid.draw_blocks(blocks, context.names, "--rows N")


def _chosen(stored: Sequence[ImageScores], metrics: Sequence[str], run: Run) -> ImageScores:
    """The newest stored scores of the chosen metric, or of the only one that has a best value."""
    by_metric = {scores.metric: scores for scores in stored if _higher_is_better(scores.metric) is not None}
    chosen = [name for name in metrics or by_metric if name in by_metric]
    if len(chosen) == 1:
        return by_metric[chosen[0]]
    names = ", ".join(sorted(by_metric)) or "no score that has a best value"
    given = f"--metric {','.join(metrics)}" if metrics else "no --metric"
    raise UsageError(f"{given}: run {run.id} has stored {names} of single outputs; give one of these as --metric.")


def _higher_is_better(metric: str) -> bool | None:
    """As the metric says; None also for a metric that is not installed."""
    return registry.load_metric(metric).higher_is_better if metric in registry.modules("metrics") else None


def _blocks(
    run: Run, dataset: DataSet, of_run: str, direction: Direction, scores: ImageScores, limit: int
) -> list[_image_grid.Block]:
    """The block of a run in one direction; none if fewer than two of its outputs have a score."""
    outputs = files_by_stem(run, direction)
    ranked = [stem for stem in scores.ranked(bool(_higher_is_better(scores.metric))) if stem in outputs]
    ranks = [str(rank) for rank in range(1, min(limit, len(ranked) // 2) + 1)]
    if not ranks:
        return []
    columns = []
    for word, stems in (("best", ranked), ("worst", ranked[::-1])):
        by_stem = [
            _image_grid.source_column(dataset, direction[0]),
            _image_grid.ImageColumn(f"{word} outputs{of_run} by {scores.metric}", outputs),
        ]
        if dataset.paired:
            by_stem.append(_image_grid.truth_column(dataset, direction[2]))
        columns += [
            _image_grid.ImageColumn(
                column.title,
                {rank: column.files[stem] for rank, stem in zip(ranks, stems, strict=False) if stem in column.files},
            )
            for column in by_stem
        ]
    return [_image_grid.Block(ranks, columns, [transform_of(run, outputs.values())])]
