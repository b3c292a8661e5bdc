"""What `compare` and `ablate` share: a study is planned, trained, scored and printed as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ugbench.cli.options import PlaceOptions, ScoringOptions, StudyOptions
from ugbench.cli.output import log, print_json, print_rows, progress_callback
from ugbench.cli.progress import duration
from ugbench.errors import NoSuchScore, Stopped, UgbenchError

if TYPE_CHECKING:
    from ugbench.runs.run import Run
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.record import ScoreRecord
    from ugbench.scoring.request import EvalRequest
    from ugbench.study.grid import Arm, Study
    from ugbench.study.plan import PlannedRun, StudySetup
    from ugbench.study.runner import Outcome
    from ugbench.tables.model import Table


@dataclass(frozen=True)
class ScoredStudy:
    """The finished runs of a study, the scores that were asked for, and the table."""

    runs: Sequence[Run]
    evaluation: Evaluation
    scores: Sequence[ScoreRecord]
    table: Table


@dataclass(frozen=True)
class Conclusion:
    """What a command prints beyond the table: `content` is added to the object of --json, `show` prints the same."""

    content: dict[str, Any]
    show: Callable[[], None]


@dataclass(frozen=True)
class _StudyCall:
    study: Study
    setup: StudySetup
    request: EvalRequest
    jobs: int
    as_json: bool


def run_study(
    study: Study,
    options: StudyOptions,
    scoring: ScoringOptions,
    place: PlaceOptions,
    as_json: bool,
    conclude: Callable[[ScoredStudy], Conclusion] | None = None,
) -> None:
    """Plan, train, score and print a study; the same call again goes on where it stopped.

    Args:
        conclude: what is printed beyond the table; None for nothing.
    Raises:
        Stopped: a signal came; every run has saved itself.
        UgbenchError: a run failed; the others are done and in the table.
    """
    from ugbench.device import pick_device
    from ugbench.study import plan, runner

    device = pick_device(place.device)
    setup = plan.StudySetup(place.results, place.data_root, device, place.precision, options.skip_bad)
    call = _StudyCall(study, setup, scoring.request(device), options.jobs, as_json)
    planned = plan.make_plan(study, setup, _steps_of_minutes(call))
    _check_metrics(call, planned)
    if options.dry_run:
        _print_plan(call, planned)
        return
    _log_plan(call, planned)
    if call.jobs > 1 and any(run.status != "done" for run in planned):
        _check_memory(call, planned)
    with progress_callback("training") as progress:
        outcomes = runner.train_all(planned, call.jobs, log, progress)
    if any(outcome.status == "stopped" for outcome in outcomes):
        done = sum(outcome.status == "done" for outcome in outcomes)
        raise Stopped(f"stopped and saved, {done} of {len(outcomes)} runs done; run the same command again to go on.")
    _score_and_print(call, outcomes, conclude)
    if failed := [outcome for outcome in outcomes if outcome.status == "failed"]:
        names = ", ".join(outcome.planned.run.id for outcome in failed)
        raise UgbenchError(f"{len(failed)} of {len(outcomes)} runs failed ({names}); read their train.log.")


def _steps_of_minutes(call: _StudyCall) -> dict[Arm, int] | None:
    """The steps of each arm that take --minutes, measured once and then stored; None without --minutes."""
    if call.study.minutes is None:
        return None
    from ugbench.runs.folder import study_file
    from ugbench.study.grid import arms
    from ugbench.study.measure import measure_arms, steps_in
    from ugbench.study.plan import read_steps, write_steps

    file = study_file(call.setup.results, call.study.id)
    all_arms = arms(call.study)
    steps_by_label = read_steps(file)
    if set(steps_by_label) != {arm.label for arm in all_arms}:
        with progress_callback("timing steps") as progress:
            measured = measure_arms(call.study, all_arms, call.setup.device, call.setup.precision, progress)
        steps_by_label = {arm.label: steps for arm, steps in steps_in(call.study.minutes, measured).items()}
        write_steps(file, call.study, steps_by_label)
        for label, steps in steps_by_label.items():
            log(f"{label}: {call.study.minutes:g} minutes are {steps} steps here (stored in {file}).")
    return {arm: steps_by_label[arm.label] for arm in all_arms}


def _check_memory(call: _StudyCall, planned: Sequence[PlannedRun]) -> None:
    from ugbench.study.measure import check_memory, measure_arms

    arms = list(dict.fromkeys(run.study_run.arm for run in planned if run.status != "done"))
    with progress_callback("measuring memory") as progress:
        measured = measure_arms(call.study, arms, call.setup.device, call.setup.precision, progress)
    check_memory(call.jobs, measured, call.setup.device)


def _check_metrics(call: _StudyCall, planned: Sequence[PlannedRun]) -> None:
    """Raise NoSuchScore, before hours of training, if no data set of the study can have any of the metrics."""
    from ugbench.runs.run import dataset_of
    from ugbench.scoring.request import metrics_for

    run_by_folder = {planned_run.run.dataset_folder: planned_run.run for planned_run in planned}
    refusals = []
    for run in run_by_folder.values():
        try:
            metrics_for(call.request, dataset_of(run))
        except NoSuchScore as error:
            refusals.append(error)
    if len(refusals) == len(run_by_folder):
        raise refusals[0]


def describe(planned: PlannedRun) -> dict[str, Any]:
    """The fields of a planned run that --json prints."""
    study_run = planned.study_run
    return {
        "id": planned.run.id,
        "run": planned.run.path,
        "method": study_run.arm.method,
        "variant": study_run.arm.variant,
        "dataset": planned.run.dataset_folder.name,
        "direction": study_run.direction,
        "seed": study_run.seed,
        "status": planned.status,
        "step": planned.step,
        "steps": planned.run.steps,
        "seconds_per_step": planned.seconds_per_step,
        "seconds_left": planned.seconds_left,
    }


def _print_plan(call: _StudyCall, planned: Sequence[PlannedRun]) -> None:
    from ugbench.study.plan import seconds_left

    rows = [describe(run) for run in planned]
    if call.as_json:
        print_json({"runs": rows, "seconds_left": seconds_left(planned, call.jobs)})
        return
    print_rows(
        ("id", "method", "dataset", "direction", "seed", "status", "step", "left"),
        [
            (
                *(row["id"], run.study_run.arm.label, row["dataset"], row["direction"], row["seed"], row["status"]),
                f"{row['step']}/{row['steps']}",
                None if row["seconds_left"] is None else duration(row["seconds_left"]),
            )
            for row, run in zip(rows, planned, strict=True)
        ],
    )
    _log_plan(call, planned)


def _log_plan(call: _StudyCall, planned: Sequence[PlannedRun]) -> None:
    from ugbench.study.plan import seconds_left

    counts = {status: sum(run.status == status for run in planned) for status in ("done", "half", "missing")}
    left = seconds_left(planned, call.jobs)
    cost = (
        "training time is not known before a step of each was timed" if left is None else f"{duration(left)} to train"
    )
    if counts["half"] + counts["missing"] == 0:
        cost = "nothing to train"
    parts = f"{counts['done']} done, {counts['half']} half done, {counts['missing']} missing"
    log(f"{len(planned)} runs: {parts}; {cost}.")


def _score_and_print(
    call: _StudyCall, outcomes: Sequence[Outcome], conclude: Callable[[ScoredStudy], Conclusion] | None
) -> None:
    from ugbench.tables.formats import render
    from ugbench.tables.formats.json import to_json

    runs = [outcome.planned.run for outcome in outcomes if outcome.status == "done"]
    if not runs:
        return
    scored = _score(call, runs)
    conclusion = None if conclude is None else conclude(scored)
    if call.as_json:
        planned = [describe(outcome.planned) for outcome in outcomes]
        content = {"runs": planned, "table": to_json(scored.table), "differences": []}
        print_json(content if conclusion is None else {**content, **conclusion.content})
        return
    print(render(scored.table, "terminal"))
    if conclusion is not None:
        conclusion.show()


def _score(call: _StudyCall, runs: Sequence[Run]) -> ScoredStudy:
    from ugbench.analysis import differences
    from ugbench.analysis.paired_runs import store_differences
    from ugbench.scoring import record
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.tables.build import build_table

    results = call.setup.results
    evaluation = Evaluation(call.request, results, log)
    with progress_callback("scoring") as progress:
        scores = evaluation.runs(_last_steps(runs, progress))
    folders = list(dict.fromkeys(run.dataset_folder for run in runs))
    if differences.are_due(scores):
        for folder in folders:
            store_differences(evaluation, [run for run in runs if run.dataset_folder == folder])
    ids = {run.id for run in runs} | {"identity", "real"}
    names = {folder.name for folder in folders}
    records = [score for score in record.read_all(results) if score.run in ids and score.dataset in names]
    table = build_table(records, call.request.metrics, differences=differences.read_all(results))
    return ScoredStudy(runs, evaluation, scores, table)


def _last_steps(runs: Sequence[Run], progress: Callable[[int, int], None]) -> Iterator[tuple[Run, tuple[None]]]:
    """Each run with its last step (None), reporting how many runs are done."""
    for done, run in enumerate(runs):
        progress(done, len(runs))
        yield run, (None,)
    progress(len(runs), len(runs))
