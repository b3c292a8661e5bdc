"""`ugbench eval`: scores of runs, or of any folders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ugbench.cli.options import RESULTS, Device, Json, Results, ScoringOptions, path_option
from ugbench.cli.output import log, print_json, print_rows, progress_callback
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.runs.run import Run
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.record import ScoreRecord
    from ugbench.scoring.request import EvalRequest


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """Folders that are scored instead of runs."""

    real: Annotated[
        Path | None, path_option("--real", "any", "DIR", "A folder of real images, for scoring without a run.")
    ] = None
    fake: Annotated[
        Path | None, path_option("--fake", "any", "DIR", "A folder of outputs that are compared with --real.")
    ] = None
    source: Annotated[
        Path | None,
        path_option(
            "--source",
            "any",
            "DIR",
            "The sources of --fake, for metrics that compare with them; files are matched by stem.",
        ),
    ] = None
    output: Annotated[
        Path | None, path_option("--output", "file", "FILE", "Append the records of --real and --fake to this file.")
    ] = None


def evaluate(
    *,
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Runs to score; default: every finished run.")
    ] = None,
    scoring: ScoringOptions,
    kid_subset_size: Annotated[
        int | None,
        typer.Option(
            "--kid-subset-size", metavar="N", min=2, help="Compute KID as a mean over random subsets of N images."
        ),
    ] = None,
    kid_subsets: Annotated[
        int | None, typer.Option("--kid-subsets", metavar="N", min=1, help="Number of random subsets for KID.")
    ] = None,
    reference: Annotated[
        Literal["test", "train"] | None,
        typer.Option("--reference", help="Compare outputs with the test or the training images of the target domain."),
    ] = None,
    checkpoints: Annotated[
        Literal["last", "all"], typer.Option("--checkpoints", help="Score the last checkpoint, or every stored one.")
    ] = "last",
    select: Annotated[
        Literal["last", "validation"],
        typer.Option(
            "--select",
            help="Score the last checkpoint, or, of the stored ones, that with the lowest KID on a tenth of the "
            "training images.",
        ),
    ] = "last",
    folders: FolderOptions,
    results: Results = RESULTS,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Score runs on the test images of their data sets, in each direction that they translate, or score two folders.

    Scores that are stored already are not computed again.

    \b
    Examples:
      ugbench eval --metric changed,unchanged,iou
      ugbench eval 3f2a --metric kid,lpips --extractor alexnet --weights alexnet=alexnet.pth
      ugbench eval 3f2a --metric kid --select validation
      ugbench eval --real datasets/cat2dog/testB --fake out --metric kid --extractor random
    """
    from ugbench.device import pick_device

    settings = kid_settings(kid_subset_size, kid_subsets)
    request = scoring.request(pick_device(device), reference, settings)
    if select == "validation" and checkpoints == "all":
        raise UsageError("--select validation and --checkpoints all exclude each other; give one of them.")
    if (folders.real is None) != (folders.fake is None):
        raise UsageError("--real and --fake go together; give both folders.")
    if folders.real is not None and folders.fake is not None:
        if runs:
            raise UsageError(f"RUN {runs[0]} and --real/--fake exclude each other; give one of them.")
        if select == "validation":
            raise UsageError("--select validation chooses a checkpoint of a run; leave it out with --real and --fake.")
        records = _score_folders(request, folders.real, folders.fake, folders)
    else:
        records = _score_runs(request, runs or [], results, checkpoints, select)
    if as_json:
        print_json([record.to_json() for record in records])
        return
    header = ("run", "method", "step", "direction", "metric", "value", "se", "fake", "real", "protocol")
    print_rows(header, [_row(record) for record in records])


def _score_folders(request: EvalRequest, real: Path, fake: Path, options: FolderOptions) -> list[ScoreRecord]:
    from ugbench.scoring import record
    from ugbench.scoring.evaluate import score_folders

    records = list(score_folders(request, real, fake, options.source))
    if options.output is not None:
        record.append(options.output, records)
    return records


def _score_runs(
    request: EvalRequest, names: list[str], results: Path, checkpoints: str, select: str
) -> list[ScoreRecord]:
    from ugbench.analysis.differences import are_due
    from ugbench.analysis.paired_runs import store_differences
    from ugbench.analysis.selection import rule
    from ugbench.runs.filters import nothing_found
    from ugbench.runs.run import find_run, list_runs
    from ugbench.scoring.evaluate import Evaluation

    runs = [find_run(name, results) for name in names] if names else finished_runs(results)
    if not runs:
        raise nothing_found(results, "finished run", "train one, or name a RUN")
    if select == "validation":
        request = replace(request, checkpoint=rule(request.networks.extractor))
    with progress_callback("scoring") as progress:
        evaluation = Evaluation(request, results, log, lambda _title: progress)
        # In ascending order, so that the outputs of the last checkpoint are the ones that stay.
        records = evaluation.runs((run, steps_to_score(evaluation, run, checkpoints, select)) for run in runs)
    # Stored differences compare last checkpoints only.
    if select == "last" and are_due(records):
        for folder in dict.fromkeys(run.dataset_folder for run in runs):
            store_differences(evaluation, [run for run in list_runs(results) if run.dataset_folder == folder])
    return records


def _row(record: ScoreRecord) -> list[object]:
    return [
        *(record.run, record.label, record.step, record.direction, record.metric, f"{record.value:.5g}"),
        None if record.se is None else f"{record.se:.4g}",
        *(record.n_fake, record.n_real, record.protocol_id),
    ]


def finished_runs(results: Path) -> list[Run]:
    """The runs that are trained to their last step, and the imported runs that have a data set."""
    from ugbench.runs.run import list_runs

    runs = [run for run in list_runs(results) if run.is_done()]
    for run in runs:
        if run.config.dataset is None:
            log(f"run {run.id} ({run.config.label}) was imported without a data set and is left out.")
    return [run for run in runs if run.config.dataset is not None]


def steps_to_score(evaluation: Evaluation, run: Run, checkpoints: str, select: str) -> tuple[int | None, ...]:
    """The steps of a run to score, ascending; None is the last one. Logs which step --select validation chose."""
    from ugbench.analysis.selection import select as select_checkpoint

    if select == "validation":
        selection = select_checkpoint(evaluation, run)
        kids = ", ".join(f"{step}: {100 * kid:.4g}" for step, kid in selection.kids.items())
        log(f"run {run.id} ({run.config.label}): step {selection.step} is scored; validation KID x100 by step: {kids}.")
        return (selection.step,)
    return (None,) if checkpoints == "last" else stored_steps(run)


def stored_steps(run: Run) -> tuple[int | None, ...]:
    """The steps of a run's checkpoints, ascending; None alone where the run has no checkpoint of a known step."""
    return (None,) if run.config.origin is not None else tuple(run.checkpoint_steps()) or (None,)


def kid_settings(subset_size: int | None, subsets: int | None) -> dict[str, dict[str, Any]]:
    """Settings of the metric kid that differ from the protocol's; empty where neither option is given."""
    options = {"subset_size": subset_size, "subsets": subsets}
    given = {name: value for name, value in options.items() if value is not None}
    return {"kid": given} if given else {}
