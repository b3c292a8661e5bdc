"""Waits for the jobs of a study, and says what became of each run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from ugbench.data.progress import Progress
from ugbench.errors import UgbenchError
from ugbench.runs.training_log import last_logged_step, seconds_per_step
from ugbench.study.outcomes import Outcome, run_name
from ugbench.study.plan import PlannedRun
from ugbench.study.slurm import jobs
from ugbench.study.slurm.jobs import Job
from ugbench.study.slurm.queue import QUEUED, has_slurm, is_live, job_states

PAUSE = 5.0  # seconds between calls of squeue
RECENT = 20  # logged times of a run from which its time left is estimated


def wait_for_jobs(
    planned: Sequence[PlannedRun],
    submitted: Sequence[Job],
    log: Callable[[str], None],
    progress: Progress,
    time_text: Callable[[float], str],
    states_now: Callable[[], Mapping[str, str]] = job_states,
    pause: float = PAUSE,
) -> dict[str, str]:
    """Wait until none of the jobs waits or runs.

    Args:
        progress: called with the steps done and the steps of all runs.
        time_text: seconds as text for people.
        states_now: what the queue says.
        pause: seconds between looks at the queue.
    Returns:
        The last known state of each job by its number, in SLURM's words; a job that the queue never had is left out.
    """
    names = {run.run.id: run_name(run) for run in planned}
    known: dict[str, str] = {}
    said = trouble = ""
    while True:
        try:
            listed = states_now()
        except UgbenchError as error:  # a controller that restarts comes back
            if str(error) != trouble:
                log(str(error))
            trouble = str(error)
            time.sleep(pause)
            continue
        for job in submitted:
            state = listed.get(job.job)
            if state is not None and state != known.get(job.job):
                log(f"{names.get(job.run, 'scoring')}: {state.lower()} (job {job.job})")
                known[job.job] = state
        live = [job for job in submitted if is_live(listed.get(job.job))]
        done = sum(max(run.run.step(), last_logged_step(run.run)) for run in planned)
        progress(done, sum(run.run.steps for run in planned))
        if not live:
            return known
        counts = _counts(planned, [listed[job.job] for job in live])
        if counts != said:
            left = _seconds_left(planned)
            at_once = sum(listed[job.job] not in QUEUED for job in live)
            log(counts + ("." if left is None or not at_once else f"; about {time_text(left / at_once)} left."))
        said = counts
        time.sleep(pause)


def _counts(planned: Sequence[PlannedRun], states: Sequence[str]) -> str:
    by_kind = Counter("queued" if state in QUEUED else "running" for state in states)
    done = sum(run.run.is_done() for run in planned)
    return f"{done} of {len(planned)} runs done; jobs: {by_kind['running']} running, {by_kind['queued']} queued"


def _seconds_left(planned: Sequence[PlannedRun]) -> float | None:
    """Training time of all runs still to come; None where a run has no logged time yet and none was known before."""
    total = 0.0
    for planned_run in planned:
        run = planned_run.run
        steps_left = run.steps - max(run.step(), last_logged_step(run))
        if steps_left <= 0:
            continue
        times = seconds_per_step(run)[-RECENT:]
        seconds = median(times) if times else planned_run.seconds_per_step
        if seconds is None:
            return None
        total += seconds * steps_left
    return total


def with_jobs(outcomes: Sequence[Outcome], results: Path) -> list[Outcome]:
    """The outcomes with what the queue says about the jobs of runs that are not done, whichever study submitted them.

    They stay as they are where no job was submitted, or where this machine has no SLURM.

    Raises:
        UgbenchError: squeue fails.
    """
    if all(outcome.status == "done" for outcome in outcomes) or not has_slurm():
        return list(outcomes)
    submitted = jobs.read_all(results)
    if not submitted:
        return list(outcomes)
    states = job_states()
    return with_states(outcomes, jobs.of_each_run(submitted, states), states)


def with_states(outcomes: Sequence[Outcome], submitted: Sequence[Job], states: Mapping[str, str]) -> list[Outcome]:
    """The outcomes with what SLURM says about the jobs of runs that are not done.

    Args:
        states: of jobs by their numbers, in SLURM's words.
    """
    job_of_run = {job.run: job.job for job in submitted}
    changed = []
    for outcome in outcomes:
        number = job_of_run.get(outcome.planned.run.id, "")
        state = states.get(number)
        if outcome.status not in ("stopped", "missing") or state is None or state == "COMPLETED":
            changed.append(outcome)
        elif state == "CANCELLED":
            changed.append(replace(outcome, status="cancelled"))
        elif is_live(state):
            changed.append(replace(outcome, status="queued" if state in QUEUED else "running"))
        else:
            changed.append(replace(outcome, status="failed", log=f"SLURM ended job {number}: {state}"))
    return changed
