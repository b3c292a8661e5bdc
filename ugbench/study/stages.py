"""The stages of a study: its plan, what its scores lack, its training, and its scores as a table.

The command line and the Python API call them in this order. The same study again goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ugbench.analysis import differences
from ugbench.analysis.comparison import Comparison
from ugbench.analysis.comparisons import compare_methods
from ugbench.analysis.paired_runs import store_due_differences
from ugbench.data.progress import Progress
from ugbench.device import pick_precision
from ugbench.errors import RunError, UgbenchError, UsageError
from ugbench.runs.configurations import configurations
from ugbench.runs.dataset_file import current_images
from ugbench.runs.dataset_folder import remember_place
from ugbench.runs.folder import study_file
from ugbench.runs.method_sources import changed_method
from ugbench.runs.run import Run
from ugbench.scoring import record
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.several_runs import score_runs
from ugbench.scoring.while_training import score_names
from ugbench.study import measure, plan, runner
from ugbench.study.commands import NOT_WATCHED, Watch
from ugbench.study.decisions import read_decisions, store_precision, store_steps
from ugbench.study.grid import Arm, Study, arms
from ugbench.study.outcomes import Outcome, outcomes_as_they_are
from ugbench.study.plan import PlannedRun, StudySetup
from ugbench.study.requirements import check_scores
from ugbench.study.share import ALL, Share
from ugbench.tables.build import build_table
from ugbench.tables.display import DisplayNames
from ugbench.tables.model import Table
from ugbench.tables.records import of_runs
from ugbench.tracker import Tracker
from ugbench.training.completing import send


@dataclass(frozen=True)
class Report:
    """Where messages and progress of a study go.

    Attributes:
        log: takes a sentence for the user.
        bar: opens a progress bar with a title.
    """

    log: Callable[[str], None]
    bar: Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class ScoredStudy:
    """The finished runs of a study, the scores that were asked for, and the table."""

    runs: Sequence[Run]
    evaluation: Evaluation
    scores: Sequence[ScoreRecord]
    table: Table


def study_precision(name: str, device: torch.device, file: Path, log: Callable[[str], None]) -> str:
    """The precision that a study trains with: for `auto` that of the machine which began to train it.

    Args:
        file: of the study's decisions, from `ugbench.runs.folder.study_file`.
    """
    if name != "auto":
        return name
    here, stored = pick_precision("auto", device), read_decisions(file).precision
    if stored not in (None, here):
        log(f"--precision auto is {stored}, as on the machine where this study began ({file}).")
    return stored or here


def plan_runs(study: Study, setup: StudySetup, report: Report, share: Share = ALL) -> list[PlannedRun]:
    """The runs of a study and how far each is; with `minutes`, steps are timed first if nobody has timed them.

    Args:
        share: which of the runs.
    Raises:
        UsageError and its children: see `ugbench.study.plan.make_plan` and `frozen_by_arm`.
    """
    frozen = plan.frozen_by_arm(study, setup)
    return share.of(plan.make_plan(study, setup, _steps_of_minutes(study, setup, report), report.log, frozen))


def fix_precision(
    study: Study, setup: StudySetup, planned: list[PlannedRun], report: Report, share: Share = ALL
) -> list[PlannedRun]:
    """Store what `--precision auto` means for a study, before its runs begin to train; returns the runs with it."""
    if all(run.status == "done" for run in planned):
        return planned
    stored = store_precision(study_file(setup.results, study.id), study, setup.precision)
    if stored == setup.precision:
        return planned
    # Another machine began at the same time.
    return plan_runs(study, replace(setup, precision=stored), replace(report, log=lambda _text: None), share)


def unmet_requirement(
    requests: Iterable[EvalRequest], planned: Sequence[PlannedRun], report: Report
) -> UsageError | None:
    """What is missing for the scores of these requests, found before hours of training; None if nothing is."""
    try:
        with report.bar("checking test images") as progress:
            for request in requests:
                check_scores(request, planned, progress)
    except UsageError as error:
        return error
    return None


def train_and_score(
    study: Study,
    setup: StudySetup,
    planned: Sequence[PlannedRun],
    request: EvalRequest | None,
    report: Report,
    *,
    jobs: int = 1,
    train: bool = True,
    watch: Watch = NOT_WATCHED,
    trackers: Mapping[str, Tracker] | None = None,
) -> tuple[list[Outcome], ScoredStudy | None]:
    """Train the runs that are not done, `jobs` at once on this machine, and score those that then are.

    Args:
        request: what is scored; None scores nothing.
        train: whether runs that are not done are trained.
        watch: how each run is shown and scored while it trains.
        trackers: receive the scores of the runs that were trained now; an error is logged and ends nothing.
    Returns:
        How each run ended, and the scores; None if no run is done or nothing is scored.
    Raises:
        Stopped: a signal came; every run has saved itself.
        UsageError: `jobs` runs do not fit into the memory.
    """
    for folder, dataset in {run.run.dataset_folder: run.dataset for run in planned if run.status == "done"}.items():
        remember_place(folder, dataset)  # training does this for the others
    changed = [sentence for run in planned if run.step and (sentence := changed_method(run.run)) is not None]
    for sentence in changed:
        report.log(sentence)
    outcomes = _train(study, setup, planned, report, jobs, watch) if train else outcomes_as_they_are(planned)
    runs = [outcome.planned.run for outcome in outcomes if outcome.status == "done"]
    if request is None or not runs:
        return outcomes, None
    evaluation = Evaluation(request, setup.results, lambda text: None if text in changed else report.log(text))
    scored = _score(evaluation, runs, report)
    was_trained = {run.run.id for run in planned if run.status != "done"}
    _send_scores(scored, [run for run in runs if run.id in was_trained], trackers or {}, report.log)
    return outcomes, scored


def differences_to_base(scored: ScoredStudy, method: str) -> list[Comparison]:
    """How each variant of a method differs from the method itself in KID; empty where KID was not scored."""
    if not differences.are_due(scored.scores) or len(scored.runs) < 2:
        return []
    return compare_methods(scored.evaluation, method, runs=scored.runs)


def _train(
    study: Study, setup: StudySetup, planned: Sequence[PlannedRun], report: Report, jobs: int, watch: Watch
) -> list[Outcome]:
    unfinished = [run.study_run.arm for run in planned if run.status != "done"]
    jobs = min(jobs, len(unfinished))  # no more than these train at once
    if jobs > 1:
        with report.bar("measuring memory") as progress:
            measured = measure.measure_arms(
                study, list(dict.fromkeys(unfinished)), setup.device, setup.precision, progress, setup.execution
            )
        measure.check_memory(jobs, measured, runner.devices(setup.device, jobs))
    with report.bar("training") as progress:
        return runner.train_all(planned, jobs, report.log, progress, watch)


def _steps_of_minutes(study: Study, setup: StudySetup, report: Report) -> dict[Arm, int] | None:
    """The steps of each arm that take the study's minutes, as the machine that was first has measured and stored them.

    Raises:
        RunError: the study's file has the steps of other arms.
    """
    if study.minutes is None:
        return None
    all_arms, file = arms(study), study_file(setup.results, study.id)
    labels = [arm.label for arm in all_arms]
    steps_by_label = read_decisions(file).steps
    if not steps_by_label:
        with report.bar("timing steps") as progress:
            measured = measure.measure_arms(study, all_arms, setup.device, setup.precision, progress, setup.execution)
        seconds = {arm.label: report_of_arm["seconds_per_step"] for arm, report_of_arm in measured.items()}
        here = {label: max(1, int(60 * study.minutes / value)) for label, value in seconds.items()}
        steps_by_label = store_steps(file, study, here)
        where = "here" if steps_by_label == here else "on the machine that stored them first"
        for label, steps in steps_by_label.items():
            report.log(f"{label}: {study.minutes:g} minutes are {steps} steps {where} (stored in {file}).")
    if steps_by_label.keys() != set(labels):
        found = ", ".join(steps_by_label) or "nothing"
        raise RunError(f"{file}: steps are those of {found}, and not of {', '.join(labels)}; remove the file.")
    return {arm: steps_by_label[arm.label] for arm in all_arms}


def _score(evaluation: Evaluation, runs: Sequence[Run], report: Report) -> ScoredStudy:
    with report.bar("scoring") as progress:
        scores = score_runs(evaluation, _last_steps(runs, progress))
    store_due_differences(evaluation, scores, runs)
    results = evaluation.results
    stored = record.read_all(results)
    unwritten = [score for score in scores if score not in stored]
    records = of_runs([*stored, *unwritten], {run.id for run in runs})
    pairs = differences.read_all(results)
    configs, images = configurations(runs), current_images(results)
    table = build_table(
        records, evaluation.request.metrics, pairs, configurations=configs, current=images, names=DisplayNames()
    )
    return ScoredStudy(runs, evaluation, scores, table)


def _send_scores(
    scored: ScoredStudy, runs: Sequence[Run], trackers: Mapping[str, Tracker], log: Callable[[str], None]
) -> None:
    """Show the scores of these runs in trackers; an error is logged, and the table is printed all the same."""
    for run in runs:
        records = [record for record in scored.scores if record.run == run.id]
        try:
            send(run, trackers, score_names(records), log)
        except UgbenchError as error:
            log(str(error))


def _last_steps(runs: Sequence[Run], progress: Progress) -> Iterator[tuple[Run, tuple[None]]]:
    """Each run with its last step (None), reporting how many runs are done."""
    for done, run in enumerate(runs):
        progress(done, len(runs))
        yield run, (None,)
    progress(len(runs), len(runs))
