"""`ugbench eval`: scores of runs, or of any folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from ugbench.cli.chosen_datasets import locate_datasets
from ugbench.cli.eval_folders import FolderOptions, check_folders, evaluate_folders
from ugbench.cli.options import AUTO, RESULTS, Devices, Json, LocatedDatasets, Results
from ugbench.cli.output import log, print_result, progress_callback
from ugbench.cli.parse import read_run
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.runs.run import Run
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.record import ScoreRecord

EQUALITY_MEANING = (
    "p (equal): of the hypothesis that outputs and references are of one distribution, for values within 5 standard "
    "errors of 0. A small p shows that they differ; a large p does not show that they are equal."
)


def evaluate(
    *,
    runs: Annotated[
        list[str] | None,
        Argument(parser=read_run, metavar="RUN", help="Runs to score; default: every finished run."),
    ] = None,
    dataset: LocatedDatasets = None,
    scoring: ScoringOptions,
    kid_subset_size: Annotated[
        int | None,
        Option("--kid-subset-size", metavar="N", min=2, help="Compute KID as a mean over random subsets of N images."),
    ] = None,
    kid_subsets: Annotated[
        int | None, Option("--kid-subsets", metavar="N", min=1, help="Number of random subsets for KID.")
    ] = None,
    reference: Annotated[
        Literal["test", "train"] | None,
        Option("--reference", help="Compare outputs with the test or the training images of the target domain."),
    ] = None,
    checkpoints: Annotated[
        Literal["last", "all"], Option("--checkpoints", help="Score the last checkpoint, or every stored one.")
    ] = "last",
    select: Annotated[
        Literal["last", "validation"],
        Option(
            "--select",
            help="Score the last checkpoint, or, of the stored ones, that with the lowest KID on a tenth of the "
            "training images.",
        ),
    ] = "last",
    plain: FolderOptions,
    results: Results = RESULTS,
    device: Devices = AUTO,
    as_json: Json = False,
) -> None:
    """Score runs on the test images of their data sets, in each direction that they translate, or score two folders.

    Scores that are stored already are not computed again.

    \b
    Examples:
      ugbench eval --metric changed,unchanged,iou
      ugbench eval 3f2a --metric kid,lpips --download
      ugbench eval 3f2a --metric kid,lpips --extractor alexnet --weights alexnet=alexnet.pth
      ugbench eval 3f2a --metric kid --select validation
      ugbench eval --dataset /data/cat2dog --metric kid
      ugbench eval --real datasets/cat2dog/testB --fake out --name ours --dataset-name cat2dog --output ours.jsonl
    """
    if select == "validation" and checkpoints == "all":
        raise UsageError("--select validation and --checkpoints all exclude each other; give one of them.")
    folders = plain.folders()
    if folders is not None:
        if runs:
            raise UsageError(f"RUN {runs[0]} and --real/--fake exclude each other; give one of them.")
        if dataset:
            raise UsageError(f"--dataset {dataset[0]} chooses runs; leave it out with --real and --fake.")
        if select == "validation":
            raise UsageError("--select validation chooses a checkpoint of a run; leave it out with --real and --fake.")
        if checkpoints == "all":
            raise UsageError("--checkpoints all scores checkpoints of a run; leave it out with --real and --fake.")
        check_folders(folders)
    chosen = _chosen_runs(results, runs or [], dataset or []) if folders is None else []

    # What follows imports torch, which takes seconds.
    from ugbench.analysis import selection
    from ugbench.scoring.evaluate import Evaluation

    options = {"subset_size": kid_subset_size, "subsets": kid_subsets}
    settings = {name: value for name, value in options.items() if value is not None}
    first, further = device.pick()
    request = scoring.request(first, reference, {"kid": settings} if settings else None, further=further)
    has_sources = folders is None or folders.source is not None
    request = scoring.complete_request(request, as_json, has_sources=has_sources)
    if select == "validation":
        request = replace(request, networks=scoring.complete_extractor(request.networks, as_json))
        request = replace(request, checkpoint=selection.rule(request.networks.extractor))
    evaluation = Evaluation(request, results, log)
    if folders is None:
        records = _score_runs(evaluation, chosen, checkpoints, select)
    else:
        records = evaluate_folders(request, folders)
    _print_scores(records, as_json)
    # After the scores are printed, so that a file that cannot be written costs none.
    plain.write(records)
    evaluation.unwritten.raise_first(log)


def _chosen_runs(results: Path, names: list[str], datasets: list[str]) -> list[Run]:
    """The runs that are named, else the finished runs of these data sets, or of all."""
    from ugbench.runs.filters import select_datasets
    from ugbench.runs.run import find_run

    runs = [find_run(name, results) for name in names]
    located = locate_datasets(datasets, results, runs)
    if names:
        return runs
    what, fix = "finished run", "train one, or name a RUN"
    return select_datasets(finished_runs(results), lambda run: run.dataset_folder.name, located, results, what, fix)


def _score_runs(evaluation: Evaluation, runs: Sequence[Run], checkpoints: str, select: str) -> list[ScoreRecord]:
    from ugbench.analysis.paired_runs import store_due_differences
    from ugbench.runs.run import list_runs
    from ugbench.scoring.several_runs import score_runs

    with progress_callback("scoring") as progress:
        evaluation.progress = lambda _title: progress
        # In ascending order, so that the outputs of the last checkpoint are the ones that stay.
        records = score_runs(evaluation, ((run, steps_to_score(evaluation, run, checkpoints, select)) for run in runs))
    if select == "last":  # stored differences compare last checkpoints only
        store_due_differences(evaluation, records, list_runs(evaluation.results))
    return records


def _print_scores(records: Sequence[ScoreRecord], as_json: bool) -> None:
    """Print the scores, with a column of p-values and their meaning if the equality of two sets was tested."""
    tested = any(record.p_value is not None for record in records)
    equality = ["p (equal)"] if tested else []
    header = ["run", "method", "step", "direction", "metric", "value", "se", *equality, "fake", "real", "protocol"]
    print_result(as_json, [record.to_json() for record in records], header, [_row(r, tested) for r in records])
    if tested and not as_json:
        log(EQUALITY_MEANING)


def _row(record: ScoreRecord, tested: bool) -> list[object]:
    p_value = None if record.p_value is None else f"{record.p_value:.3g}"
    return [
        *(record.run, record.label, record.step, record.direction, record.metric, f"{record.value:.5g}"),
        None if record.se is None else f"{record.se:.4g}",
        *([p_value] if tested else []),
        *(record.n_fake, record.n_real, record.protocol_id),
    ]


def finished_runs(results: Path) -> list[Run]:
    """The runs that are trained to their last step, and the imported runs that have a data set."""
    from ugbench.cli.chosen_runs import readable_runs

    runs = [run for run in readable_runs(results) if run.is_done()]
    for run in runs:
        if run.config.dataset is None:
            log(f"run {run.id} ({run.config.label}) was imported without a data set and is left out.")
    return [run for run in runs if run.config.dataset is not None]


def steps_to_score(evaluation: Evaluation, run: Run, checkpoints: str, select: str) -> tuple[int | None, ...]:
    """The steps of a run to score, ascending; None is the last one. Logs which step --select validation chose."""
    from ugbench.analysis import selection

    if select == "validation":
        selected = selection.select(evaluation, run)
        kids = ", ".join(f"{step}: {100 * kid:.4g}" for step, kid in selected.kids.items())
        log(f"run {run.id} ({run.config.label}): step {selected.step} is scored; validation KID x100 by step: {kids}.")
        return (selected.step,)
    if checkpoints == "last" or run.config.origin is not None:
        return (None,)
    return tuple(run.checkpoint_steps()) or (None,)
