"""What SLURM's queue adds to the list of runs: which of them wait, train on a node, or were cancelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ugbench.cli.output import log
from ugbench.errors import UgbenchError

UNSAVED = ("new", "stopped", "failed")  # states of a run's folder that the queue knows better


def with_queue(
    rows: Sequence[Mapping[str, Any]], results: Path, methods: Collection[str] = (), datasets: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The rows of `ugbench runs` with the states of jobs, and rows for runs that no job has begun yet.

    If the queue cannot be read, this is logged, and the rows stay as they are.

    Args:
        methods, datasets: names that rows may have; empty for all.
    Raises:
        RunError: a study's file of jobs is damaged.
    """
    from ugbench.study.slurm import jobs
    from ugbench.study.slurm.queue import has_slurm, job_states

    submitted = jobs.read_all(results) if has_slurm() else []
    if not submitted:
        return [dict(row) for row in rows]
    try:
        states = job_states()
    except UgbenchError as error:
        log(str(error))
        return [dict(row) for row in rows]
    of_runs = jobs.of_each_run(submitted, states)
    status_of_run = {job.run: _status(states[job.job], job.job) for job in of_runs if job.job in states}
    listed = [
        {**row, **(status_of_run.get(row["id"]) or {} if row["status"] in UNSAVED else {})} for row in map(dict, rows)
    ]
    known = {row["id"] for row in rows}
    for job in of_runs:
        fits = (not methods or job.method in methods) and (not datasets or job.dataset in datasets)
        if fits and job.run not in known and status_of_run.get(job.run):
            listed.append({**_row(job, results), **status_of_run[job.run]})
    return listed


def _status(state: str, job: str) -> dict[str, Any]:
    """The status and the reason that a state of SLURM means; nothing where the run's folder tells it."""
    from ugbench.study.slurm.queue import QUEUED, is_live

    if is_live(state):
        return {"status": "queued" if state in QUEUED else "running", "reason": None}
    if state == "CANCELLED":
        return {"status": "cancelled", "reason": f"job {job} was cancelled; the study's command submits it again."}
    return (
        {} if state in ("COMPLETED", "FAILED") else {"status": "failed", "reason": f"SLURM ended job {job}: {state}."}
    )


def _row(job: Any, results: Path) -> dict[str, Any]:
    """The row of a run of which nothing is stored yet."""
    return {
        "id": job.run,
        "path": results.joinpath(*job.folder),
        "given_name": None,
        "dataset": job.dataset,
        "method": job.method,
        "variant": job.variant,
        "name": None,
        "direction": job.direction,
        "seed": job.seed,
        "step": 0,
        "logged_step": 0,
        "steps": job.steps,
        "seconds_left": None,
        "disk_bytes": None,
        "config": {},
    }
