"""What `compare` and `ablate` share: a study is planned, trained, scored and printed as a table.

Their options are `StudyOptions` and `ScoringOptions` in options.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ugbench.cli.options import PlaceOptions, StudyOptions
from ugbench.cli.output import duration, log, print_json, print_rows, progress_callback
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.cli.slurm_study import slurm_parameters, submit_study
from ugbench.cli.study_call import StudyCall
from ugbench.cli.watch_options import WatchOptions
from ugbench.device import pick_device
from ugbench.errors import MissingWeights, NoSuchDevice, UsageError
from ugbench.progress.studies import plan_sentences
from ugbench.runs.folder import study_file
from ugbench.scoring.needed_weights import extractor_weights
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.while_training import request_while_training
from ugbench.study import grid, plan, stages
from ugbench.study.claims import declared_test
from ugbench.study.commands import Watch, printed_command
from ugbench.study.decisions import read_decisions
from ugbench.study.grid import Study
from ugbench.study.outcomes import Outcome, outcome_sentence, raise_unfinished
from ugbench.study.plan import PlannedRun, StudySetup
from ugbench.study.slurm.waiting import with_jobs
from ugbench.study.stages import ScoredStudy
from ugbench.tables.formats import render
from ugbench.tables.formats.json import to_json

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class _Prepared:
    """A study before it trains.

    Attributes:
        planned: the runs of the share.
        request: what is scored.
        problem: what is missing for the scores.
    """

    setup: StudySetup
    planned: list[PlannedRun]
    request: EvalRequest
    problem: UsageError | None


def run_study(
    study: Study,
    call: StudyCall,
    conclude: Callable[[ScoredStudy, bool], dict[str, Any]] = lambda _scored, _as_json: {"differences": []},
) -> None:
    """Plan, train, score and print a study, or submit it to SLURM; the same call again goes on where it stopped.

    Args:
        conclude: called with the scored study and `as_json`; it prints what belongs below the table unless `as_json`,
            and returns what is added to the object of --json.
    Raises:
        Stopped: a signal came; every run has saved itself.
        UgbenchError: a run failed; the others are done and in the table.
    """
    machines, place, as_json = call.machines, call.place, call.as_json
    trackers = call.watch.trackers()
    parameters = slurm_parameters(study, call) if machines.on == "slurm" else {}
    report = stages.Report(log, progress_callback)
    prepared = _prepare(study, call, report)
    setup, planned, request = prepared.setup, prepared.planned, prepared.request
    if not planned:
        log(f"--only {machines.only}: the study has fewer runs, so that none is in this share.")
        if as_json:
            print_json({"runs": []})
        return
    if call.options.dry_run:
        _show_plan(prepared, call.options, as_json)
        return
    if prepared.problem is not None:
        raise prepared.problem
    for sentence in plan_sentences(planned, call.options.jobs):
        log(sentence)
    if place.precision == "auto" and not machines.no_train:
        planned = stages.fix_precision(study, setup, planned, report, machines.share)
    watch = _watch(call.watch, trackers, call.scoring, request)
    if machines.print_commands:
        _print_commands(planned, place, watch, as_json)
        return
    if machines.on == "slurm":
        submit_study(study, planned, call, parameters, watch)
        return
    outcomes, scored = stages.train_and_score(
        study,
        setup,
        planned,
        None if machines.no_score else request,
        report,
        jobs=call.options.jobs,
        train=not machines.no_train,
        watch=watch,
        trackers=trackers,
    )
    _show_results(outcomes, scored, as_json, conclude)
    if machines.no_train:
        outcomes = with_jobs(outcomes, place.results)
        for outcome in outcomes:
            if outcome.status != "done":
                log(outcome_sentence(outcome))
    raise_unfinished(outcomes)


def _prepare(study: Study, call: StudyCall, report: stages.Report) -> _Prepared:
    """Find or ask for all that the study needs, and plan its runs."""
    options, machines, scoring, place = call.options, call.machines, call.scoring, call.place
    device = _device_of_plan(study, call)
    precision = stages.study_precision(place.precision, device, study_file(place.results, study.id), log)
    request = scoring.request(device, frozen_names=grid.frozen_names(study))
    weights = request.networks.weights
    setup = StudySetup(
        place.results, place.data_root, device, precision, options.skip_bad, weights, call.execution.execution()
    )
    of_methods = plan.needed_weights_of_methods(study, setup)
    # The plan needs the weights of frozen networks, and all files are asked for at once.
    is_watched = call.watch.eval_every is not None
    needed = (*of_methods, *(extractor_weights(request.networks) if is_watched else ()))
    complete = partial(scoring.complete_request, as_json=call.as_json, further=needed, is_scored=machines.is_scored)
    is_complete = not options.dry_run and not weights.keys() >= set(of_methods)
    if is_complete:
        request = complete(request)
        setup = replace(setup, weights=request.networks.weights)
    planned = stages.plan_runs(study, setup, report, machines.share)
    if not options.dry_run and not is_complete:
        request = complete(request)
    requests = [request] if machines.is_scored else []
    if is_watched:
        requests.append(request_while_training(request.networks, request.cache))
    return _Prepared(setup, planned, request, stages.unmet_requirement(requests, planned, report))


def _device_of_plan(study: Study, call: StudyCall) -> torch.device:
    """The device that --device names. Where this machine lacks it and the runs train elsewhere, one that it has.

    Raises:
        UsageError: there is no such device, or this machine lacks it and trains, or times steps for --minutes.
    """
    machines, place = call.machines, call.place
    try:
        return pick_device(place.device)
    except NoSuchDevice:
        trains_here = machines.on != "slurm" and not machines.print_commands
        if trains_here or (study.minutes and not read_decisions(study_file(place.results, study.id)).steps):
            raise
    return pick_device("auto")


def _show_plan(prepared: _Prepared, options: StudyOptions, as_json: bool) -> None:
    """Print the plan.

    Raises:
        UsageError: what scores lack, unless it is weights: the study itself asks for them, and nothing that the call
            names is wrong.
    """
    planned, problem = prepared.planned, prepared.problem
    if as_json:
        rows = [plan.describe(run) for run in planned]
        left = plan.seconds_left(planned, options.jobs)
        said = None if problem is None else str(problem)
        print_json({"runs": rows, "seconds_left": left, "test": declared_test(planned), "problem": said})
    else:
        _print_plan(planned)
    for sentence in plan_sentences(planned, options.jobs):
        log(sentence)
    if isinstance(problem, MissingWeights):
        log(str(problem))
    elif problem is not None:
        raise problem


def _print_commands(planned: Sequence[PlannedRun], place: PlaceOptions, watch: Watch, as_json: bool) -> None:
    """Print the line of each run that is not done; each stands in one line of the shell."""
    lines = [printed_command(run.request, place.device, watch) for run in planned if run.status != "done"]
    if as_json:
        print_json({"commands": lines})
        return
    for line in lines:
        print(line)


def _show_results(
    outcomes: Sequence[Outcome],
    scored: ScoredStudy | None,
    as_json: bool,
    conclude: Callable[[ScoredStudy, bool], dict[str, Any]],
) -> None:
    """Print the table and what belongs below it, or all of it as JSON."""
    runs = [plan.describe(outcome.planned) for outcome in outcomes]
    if scored is None:
        if as_json:
            print_json({"runs": runs, "table": None, "differences": []})
        return
    if not as_json:
        print(render(scored.table, "terminal"))
    concluded = conclude(scored, as_json)
    if as_json:
        print_json({"runs": runs, "table": to_json(scored.table), **concluded})
    scored.evaluation.unwritten.raise_first(log)


def _watch(watch: WatchOptions, trackers: Iterable[str], scoring: ScoringOptions, request: EvalRequest) -> Watch:
    """How each run is shown and scored while it trains, with the files that the whole study found."""
    networks = request.networks
    files = {name: networks.weights[name] for name in extractor_weights(networks) if name in networks.weights}
    return Watch(tuple(trackers), watch.eval_every, networks.extractor_name, files, scoring.cache)


def _print_plan(planned: Sequence[PlannedRun]) -> None:
    rows: list[list[object]] = []
    for run in planned:
        fields, left = plan.describe(run), run.seconds_left
        row = [fields[key] for key in ("id", "method", "dataset", "direction", "seed", "status")]
        row[1] = run.study_run.arm.label
        rows.append([*row, f"{run.step}/{run.run.steps}", None if left is None else duration(left)])
    print_rows(("id", "method", "dataset", "direction", "seed", "status", "step", "left"), rows)
