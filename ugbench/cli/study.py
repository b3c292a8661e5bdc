"""What `compare` and `ablate` share: a study is planned, trained, scored and printed as a table.

Their options are `StudyOptions` and `ScoringOptions` in options.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugbench.analysis import differences
from ugbench.analysis.paired_runs import store_due_differences
from ugbench.cli.options import PlaceOptions, StudyOptions
from ugbench.cli.output import duration, log, print_json, print_rows, progress_callback
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.cli.watch_options import WatchOptions
from ugbench.device import pick_device, pick_precision
from ugbench.errors import Stopped, UgbenchError, UsageError
from ugbench.runs.configurations import configurations
from ugbench.runs.dataset_file import current_images
from ugbench.runs.dataset_folder import remember_place
from ugbench.runs.folder import study_file
from ugbench.runs.method_sources import changed_method
from ugbench.runs.run import Run
from ugbench.scoring import record
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.needed_weights import extractor_weights
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.while_training import request_while_training, score_names
from ugbench.study import grid, measure, plan, runner
from ugbench.study.claims import declared_test
from ugbench.study.decisions import read_decisions, store_precision, store_steps
from ugbench.study.grid import Arm, Study, arms
from ugbench.study.plan import PlannedRun, StudySetup
from ugbench.study.requirements import check_scores
from ugbench.tables.build import build_table
from ugbench.tables.display import DisplayNames
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json
from ugbench.tables.model import Table
from ugbench.tracker import Tracker
from ugbench.training.completing import send

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ScoredStudy:
    """The finished runs of a study, the scores that were asked for, and the table."""

    runs: Sequence[Run]
    evaluation: Evaluation
    scores: Sequence[ScoreRecord]
    table: Table


def run_study(
    study: Study,
    options: StudyOptions,
    scoring: ScoringOptions,
    watch: WatchOptions,
    place: PlaceOptions,
    as_json: bool,
    conclude: Callable[[ScoredStudy, bool], dict[str, Any]] = lambda _scored, _as_json: {"differences": []},
) -> None:
    """Plan, train, score and print a study; the same call again goes on where it stopped.

    Args:
        conclude: called with the scored study and `as_json`; it prints what belongs below the table unless `as_json`,
            and returns what is added to the object of --json.
    Raises:
        Stopped: a signal came; every run has saved itself.
        UgbenchError: a run failed; the others are done and in the table.
    """
    trackers = watch.trackers()
    device = pick_device(place.device)
    file = study_file(place.results, study.id)
    precision = _precision(place.precision, device, file)
    request = scoring.request(device, frozen_names=grid.frozen_names(study))
    weights = request.networks.weights
    setup = StudySetup(place.results, place.data_root, device, precision, options.skip_bad, weights)
    of_methods = plan.needed_weights_of_methods(study, setup)
    # The plan needs the weights of frozen networks, and all files are asked for at once.
    needed = (*of_methods, *(() if watch.eval_every is None else extractor_weights(request.networks)))
    is_complete = not options.dry_run and not weights.keys() >= set(of_methods)
    if is_complete:
        request = scoring.complete_request(request, as_json, needed)
        setup = replace(setup, weights=request.networks.weights)
    frozen = plan.frozen_by_arm(study, setup)
    steps = None if study.minutes is None else _steps_of_minutes(study, setup, file)
    planned = plan.make_plan(study, setup, steps, log, frozen)
    if not options.dry_run and not is_complete:
        request = scoring.complete_request(request, as_json, needed)
    while_training = request_while_training(request.networks, request.cache)
    requests = [request] if watch.eval_every is None else [request, while_training]
    problem = _unmet_requirement(requests, planned)
    if options.dry_run and as_json:
        rows = [describe(run) for run in planned]
        left = plan.seconds_left(planned, options.jobs)
        said = None if problem is None else str(problem)
        print_json({"runs": rows, "seconds_left": left, "test": declared_test(planned), "problem": said})
    elif options.dry_run:
        _print_plan(planned)
    if options.dry_run or problem is None:
        _log_plan(planned, options.jobs)
    if problem is not None:
        raise problem
    if options.dry_run:
        return
    if place.precision == "auto" and any(run.status != "done" for run in planned):
        stored = store_precision(file, study, precision)
        if stored != precision:  # another machine began at the same time
            planned = plan.make_plan(study, replace(setup, precision=stored), steps, frozen=frozen)
    for folder, dataset in {run.run.dataset_folder: run.dataset for run in planned if run.status == "done"}.items():
        remember_place(folder, dataset)  # training does this for the others
    changed = [sentence for run in planned if run.step and (sentence := changed_method(run.run)) is not None]
    for sentence in changed:
        log(sentence)
    unfinished = dict.fromkeys(run.study_run.arm for run in planned if run.status != "done")
    if options.jobs > 1 and unfinished:
        with progress_callback("measuring memory") as progress:
            measured = measure.measure_arms(study, list(unfinished), device, precision, progress)
        measure.check_memory(options.jobs, measured, device)
    with progress_callback("training") as progress:
        outcomes = runner.train_all(planned, options.jobs, log, progress, _watch(watch, trackers, scoring, request))
    runs = [outcome.planned.run for outcome in outcomes if outcome.status == "done"]
    if any(outcome.status == "stopped" for outcome in outcomes):
        counts = f"{len(runs)} of {len(outcomes)} runs done"
        raise Stopped(f"stopped and saved, {counts}; run the same command again to go on.")
    if runs:
        evaluation = Evaluation(request, setup.results, lambda text: None if text in changed else log(text))
        scored = _score(evaluation, runs)
        was_trained = {run.run.id for run in planned if run.status != "done"}
        _send_scores(scored, [run for run in runs if run.id in was_trained], trackers)
        content = {"runs": [describe(outcome.planned) for outcome in outcomes], "table": to_json(scored.table)}
        if not as_json:
            print(render(scored.table, "terminal"))
        content |= conclude(scored, as_json)
        if as_json:
            print_json(content)
        scored.evaluation.unwritten.raise_first(log)
    if failed := [outcome.planned.run.id for outcome in outcomes if outcome.status == "failed"]:
        raise UgbenchError(f"{len(failed)} of {len(outcomes)} runs failed ({', '.join(failed)}); read their train.log.")


def _precision(name: str, device: torch.device, file: Path) -> str:
    """The precision that a study trains with: for `auto` that of the machine which began to train it."""
    if name != "auto":
        return name
    here, stored = pick_precision("auto", device), read_decisions(file).precision
    if stored not in (None, here):
        log(f"--precision auto is {stored}, as on the machine where this study began ({file}).")
    return stored or here


def _steps_of_minutes(study: Study, setup: StudySetup, file: Path) -> dict[Arm, int]:
    """The steps of each arm that take the study's minutes, measured once and then stored in the study's file."""
    assert study.minutes is not None
    all_arms = arms(study)
    steps_by_label = read_decisions(file).steps
    if set(steps_by_label) != {arm.label for arm in all_arms}:
        with progress_callback("timing steps") as progress:
            measured = measure.measure_arms(study, all_arms, setup.device, setup.precision, progress)
        seconds = {arm.label: report["seconds_per_step"] for arm, report in measured.items()}
        steps_by_label = {label: max(1, int(60 * study.minutes / value)) for label, value in seconds.items()}
        store_steps(file, study, steps_by_label)
        for label, steps in steps_by_label.items():
            log(f"{label}: {study.minutes:g} minutes are {steps} steps here (stored in {file}).")
    return {arm: steps_by_label[arm.label] for arm in all_arms}


def _unmet_requirement(requests: Iterable[EvalRequest], planned: Sequence[PlannedRun]) -> UsageError | None:
    """What is missing for the scores, found before hours of training; None if nothing is."""
    try:
        with progress_callback("checking test images") as progress:
            for request in requests:
                check_scores(request, planned, progress)
    except UsageError as error:
        return error
    return None


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


def _print_plan(planned: Sequence[PlannedRun]) -> None:
    rows: list[list[object]] = []
    for run in planned:
        fields, left = describe(run), run.seconds_left
        row = [fields[key] for key in ("id", "method", "dataset", "direction", "seed", "status")]
        row[1] = run.study_run.arm.label
        rows.append([*row, f"{run.step}/{run.run.steps}", None if left is None else duration(left)])
    print_rows(("id", "method", "dataset", "direction", "seed", "status", "step", "left"), rows)


def _log_plan(planned: Sequence[PlannedRun], jobs: int) -> None:
    done, half, missing = (sum(run.status == status for run in planned) for status in ("done", "half", "missing"))
    left = plan.seconds_left(planned, jobs)
    if half + missing == 0:
        cost = "nothing to train"
    elif left is None:
        cost = "training time is not known before a step of each was timed"
    else:
        cost = f"{duration(left)} to train"
    log(f"{len(planned)} runs: {done} done, {half} half done, {missing} missing; {cost}.")
    if (test := declared_test(planned)) is not None:
        log(test)


def _score(evaluation: Evaluation, runs: Sequence[Run]) -> ScoredStudy:
    with progress_callback("scoring") as progress:
        scores = evaluation.runs(_last_steps(runs, progress))
    folders = dict.fromkeys(run.dataset_folder for run in runs)
    store_due_differences(evaluation, scores, runs)
    ids = {run.id for run in runs} | {"identity", "real"}
    names = {folder.name for folder in folders}
    results = evaluation.results
    records = [score for score in record.read_all(results) if score.run in ids and score.dataset in names]
    records += [score for score in scores if score not in records]  # where a file could not be written
    pairs = differences.read_all(results)
    configs, images = configurations(runs), current_images(results)
    table = build_table(
        records, evaluation.request.metrics, pairs, configurations=configs, current=images, names=DisplayNames()
    )
    return ScoredStudy(runs, evaluation, scores, table)


def _watch(watch: WatchOptions, trackers: Iterable[str], scoring: ScoringOptions, request: EvalRequest) -> runner.Watch:
    """How each run is shown and scored while it trains, with the files that the whole study found."""
    networks = request.networks
    files = {name: networks.weights[name] for name in extractor_weights(networks) if name in networks.weights}
    return runner.Watch(tuple(trackers), watch.eval_every, networks.extractor_name, files, scoring.cache)


def _send_scores(scored: ScoredStudy, runs: Sequence[Run], trackers: Mapping[str, Tracker]) -> None:
    """Show the scores of these runs in trackers; an error is said, and the table is printed all the same."""
    for run in runs:
        records = [record for record in scored.scores if record.run == run.id]
        try:
            send(run, trackers, score_names(records), log)
        except UgbenchError as error:
            log(str(error))


def _last_steps(runs: Sequence[Run], progress: Callable[[int, int], None]) -> Iterator[tuple[Run, tuple[None]]]:
    """Each run with its last step (None), reporting how many runs are done."""
    for done, run in enumerate(runs):
        progress(done, len(runs))
        yield run, (None,)
    progress(len(runs), len(runs))
