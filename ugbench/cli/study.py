"""What `compare` and `ablate` share: a study is planned, trained, scored and printed as a table.

Their options are `StudyOptions` and `ScoringOptions` in options.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ugbench.cli.options import PlaceOptions, StudyOptions
from ugbench.cli.output import duration, log, print_json, print_rows, progress_callback
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.cli.training_options import ExecutionOptions
from ugbench.cli.watch_options import WatchOptions
from ugbench.device import pick_device
from ugbench.errors import MissingWeights
from ugbench.progress.studies import plan_sentences
from ugbench.runs.folder import study_file
from ugbench.scoring.needed_weights import extractor_weights
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.while_training import request_while_training
from ugbench.study import grid, plan, runner, stages
from ugbench.study.claims import declared_test
from ugbench.study.grid import Study
from ugbench.study.plan import PlannedRun, StudySetup
from ugbench.study.stages import ScoredStudy
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json


def run_study(
    study: Study,
    options: StudyOptions,
    execution: ExecutionOptions,
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
    precision = stages.study_precision(place.precision, device, study_file(place.results, study.id), log)
    request = scoring.request(device, frozen_names=grid.frozen_names(study))
    weights = request.networks.weights
    setup = StudySetup(
        place.results, place.data_root, device, precision, options.skip_bad, weights, execution.execution()
    )
    of_methods = plan.needed_weights_of_methods(study, setup)
    # The plan needs the weights of frozen networks, and all files are asked for at once.
    needed = (*of_methods, *(() if watch.eval_every is None else extractor_weights(request.networks)))
    is_complete = not options.dry_run and not weights.keys() >= set(of_methods)
    if is_complete:
        request = scoring.complete_request(request, as_json, needed)
        setup = replace(setup, weights=request.networks.weights)
    report = stages.Report(log, progress_callback)
    planned = stages.plan_runs(study, setup, report)
    if not options.dry_run and not is_complete:
        request = scoring.complete_request(request, as_json, needed)
    while_training = request_while_training(request.networks, request.cache)
    requests = [request] if watch.eval_every is None else [request, while_training]
    problem = stages.unmet_requirement(requests, planned, report)
    if options.dry_run and as_json:
        rows = [plan.describe(run) for run in planned]
        left = plan.seconds_left(planned, options.jobs)
        said = None if problem is None else str(problem)
        print_json({"runs": rows, "seconds_left": left, "test": declared_test(planned), "problem": said})
    elif options.dry_run:
        _print_plan(planned)
    if options.dry_run or problem is None:
        for sentence in plan_sentences(planned, options.jobs):
            log(sentence)
    if options.dry_run and isinstance(problem, MissingWeights):
        log(str(problem))  # the study itself asks for them; nothing that the call names is wrong
        return
    if problem is not None:
        raise problem
    if options.dry_run:
        return
    is_auto = place.precision == "auto"
    outcomes, scored = stages.train_and_score(
        study,
        setup,
        planned,
        request,
        report,
        jobs=options.jobs,
        is_auto=is_auto,
        watch=_watch(watch, trackers, scoring, request),
        trackers=trackers,
    )
    if scored is not None:
        runs = [plan.describe(outcome.planned) for outcome in outcomes]
        if not as_json:
            print(render(scored.table, "terminal"))
        concluded = conclude(scored, as_json)
        if as_json:
            print_json({"runs": runs, "table": to_json(scored.table), **concluded})
        scored.evaluation.unwritten.raise_first(log)
    stages.raise_failed(outcomes)


def _watch(watch: WatchOptions, trackers: Iterable[str], scoring: ScoringOptions, request: EvalRequest) -> runner.Watch:
    """How each run is shown and scored while it trains, with the files that the whole study found."""
    networks = request.networks
    files = {name: networks.weights[name] for name in extractor_weights(networks) if name in networks.weights}
    return runner.Watch(tuple(trackers), watch.eval_every, networks.extractor_name, files, scoring.cache)


def _print_plan(planned: Sequence[PlannedRun]) -> None:
    rows: list[list[object]] = []
    for run in planned:
        fields, left = plan.describe(run), run.seconds_left
        row = [fields[key] for key in ("id", "method", "dataset", "direction", "seed", "status")]
        row[1] = run.study_run.arm.label
        rows.append([*row, f"{run.step}/{run.run.steps}", None if left is None else duration(left)])
    print_rows(("id", "method", "dataset", "direction", "seed", "status", "step", "left"), rows)
