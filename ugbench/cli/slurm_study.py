"""`compare` and `ablate` with `--on slurm`: the jobs are submitted, shown, and waited for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ugbench.cli.given_words import given_words
from ugbench.cli.output import duration, log, print_json, print_rows, progress_callback
from ugbench.cli.parse import parse_sets
from ugbench.cli.study_call import StudyCall
from ugbench.errors import UgbenchError, UsageError
from ugbench.runs.folder import jobs_folder, study_file
from ugbench.runs.json_file import make_folder
from ugbench.runs.lock_check import check_locks
from ugbench.study import grid, plan
from ugbench.study.commands import UGBENCH, Watch, command
from ugbench.study.decisions import read_decisions
from ugbench.study.grid import Study
from ugbench.study.outcomes import outcome_sentence, outcomes_as_they_are, raise_unfinished
from ugbench.study.plan import PlannedRun
from ugbench.study.slurm.parameters import checked_parameters, need_slurm
from ugbench.study.slurm.submission import Submission, scores_errors, scores_output, submit
from ugbench.study.slurm.waiting import wait_for_jobs, with_states

# The options of the call that the job which scores does not get, by the names of their parameters.
NOT_FOR_SCORES = ("on", "slurm", "wait", "no_score", "no_train", "dry_run", "jobs", "only", "precision", "study")


def slurm_parameters(study: Study, call: StudyCall) -> dict[str, Any]:
    """What --slurm and the table [slurm] of the study's file ask SLURM for, checked before anything else is done.

    Raises:
        UsageError and its children: SLURM or submitit is missing, a parameter is wrong, or the study's length is given
            in minutes and nobody has timed steps: the machine that submits is not one that trains.
    """
    need_slurm()
    if study.minutes is not None and not read_decisions(study_file(call.place.results, study.id)).steps:
        raise UsageError(
            f"--minutes {study.minutes:g}: steps are timed on the machine that trains, which this one is not; give "
            "--steps, or call the same with --on local --dry-run on a node first."
        )
    table = {} if call.file is None else grid.read_slurm(call.file)
    return checked_parameters({**table, **parse_sets(call.machines.slurm, "--slurm")})


def submit_study(
    study: Study, planned: Sequence[PlannedRun], call: StudyCall, parameters: Mapping[str, Any], watch: Watch
) -> None:
    """Submit the runs and the job that scores them; with --wait, wait for both and print the table.

    Args:
        parameters: from `slurm_parameters`.
    Raises:
        UgbenchError: SLURM refuses the jobs; or, after --wait, a run is not done.
    """
    place, machines = call.place, call.machines
    check_locks(place.results, log)
    if place.precision == "auto":
        precision = planned[0].request.precision
        log(f"--precision auto is {precision} on this machine, and so for all jobs; give --precision for another.")
    score_words = None if machines.no_score else _score_words(study, planned[0].request.precision, call)
    submission = submit(
        planned,
        lambda run: command(run.request, place.device, watch),
        score_words,
        place.results,
        study.id,
        parameters,
    )
    _log_jobs(submission, place.results, study)
    if machines.wait:
        _wait(study, planned, submission, place.results, call.as_json)
        return
    job_of_run = {job.run: job.job for job in submission.training}
    if call.as_json:
        runs = [{**plan.describe(run), "job": job_of_run.get(run.run.id)} for run in planned]
        print_json({"runs": runs, "score_job": None if submission.score is None else submission.score.job})
        return
    fields = [plan.describe(run) for run in planned]
    rows = [[row["id"], run.study_run.arm.label, row["dataset"], row["direction"], row["seed"], row["status"],
             job_of_run.get(row["id"])] for row, run in zip(fields, planned, strict=True)]  # fmt: skip
    print_rows(("id", "method", "dataset", "direction", "seed", "status", "job"), rows)


def _score_words(study: Study, precision: str, call: StudyCall) -> list[str]:
    """The command of the job that scores: the same call, which trains nothing."""
    words = [*UGBENCH, *given_words(call.context, NOT_FOR_SCORES), "--precision", precision, "--no-train"]
    if call.file is not None:  # as it is now; it may be changed before the job begins
        folder = jobs_folder(call.place.results, study.id)
        make_folder(folder)
        words += ["--study", str(shutil.copyfile(call.file, folder / "study.toml"))]
    return words


def _log_jobs(submission: Submission, results: Path, study: Study) -> None:
    if submission.submitted:
        log(f"{len(submission.submitted)} runs are submitted as job {_numbers(submission.submitted)}.")
    if submission.queued:
        log(f"{len(submission.queued)} runs have a job already: {_numbers(submission.queued)}.")
    if submission.score is not None:
        log(f"job {submission.score.job} scores them afterwards; its table will be {scores_output(results, study.id)}.")
    if submission.numbers:
        log(f"`ugbench runs --watch` shows them, and `scancel {' '.join(submission.numbers)}` cancels them.")


def _numbers(jobs: Sequence[Any]) -> str:
    return ", ".join(dict.fromkeys(job.job.partition("_")[0] for job in jobs))


def _wait(study: Study, planned: Sequence[PlannedRun], submission: Submission, results: Path, as_json: bool) -> None:
    """Wait for the jobs, and print what the one that scores has printed; the runs alone where that is nothing."""
    every = [*submission.training, *([] if submission.score is None else [submission.score])]
    try:
        with progress_callback("training") as progress:
            states = wait_for_jobs(planned, every, log, progress, duration)
    except KeyboardInterrupt:
        raise UgbenchError("stopped waiting; the jobs go on, and `ugbench runs --watch` shows them.") from None
    outcomes = with_states(outcomes_as_they_are(planned), submission.training, states)
    output = scores_output(results, study.id)
    table = output.read_text(encoding="utf-8") if submission.score is not None and output.is_file() else ""
    print(table, end="")
    if not table and as_json:
        print_json({"runs": [plan.describe(outcome.planned) for outcome in outcomes], "table": None, "differences": []})
    if not table and submission.score is not None:
        state = states.get(submission.score.job, "not known to SLURM")
        errors = scores_errors(results, study.id)
        log(f"job {submission.score.job}, which scores, printed no table ({state}); its messages are in {errors}.")
    for outcome in outcomes:
        if outcome.status != "done":
            log(outcome_sentence(outcome))
    raise_unfinished(outcomes)
