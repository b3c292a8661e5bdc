"""results/studies/<id>/jobs.jsonl: which job trains which run, written when the jobs are submitted.

From it and the queue of SLURM anybody who sees the results folder learns which runs wait, run or were cancelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ugbench.direction import Direction
from ugbench.runs import jsonl
from ugbench.runs.files import inside
from ugbench.runs.folder import jobs_folder
from ugbench.study.slurm.queue import is_live

FILE = "jobs.jsonl"


class Job(BaseModel):
    """A job that was submitted.

    Attributes:
        job: the number of the job, as in 17 or 17_3 (the task 3 of the array 17).
        kind: whether it trains a run or scores the study; the fields below are empty for one that scores.
        run: the id of the run.
        folder: of the run, below the results folder.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    job: str
    kind: Literal["train", "score"] = "train"
    run: str = ""
    folder: tuple[str, ...] = ()
    method: str = ""
    variant: str | None = None
    direction: Direction | None = None
    seed: int | None = None
    steps: int = 0

    @property
    def dataset(self) -> str:
        """The name of the data set's folder."""
        return self.folder[0] if self.folder else ""


def store(results: Path, study_id: str, jobs: Iterable[Job]) -> None:
    """Add jobs to the file of a study.

    Raises:
        DiskError: the system refuses.
    """
    jsonl.append(inside(jobs_folder(results, study_id), FILE), [job.model_dump(mode="json") for job in jobs])


def read(results: Path, study_id: str) -> list[Job]:
    """The newest job of each run of a study, and the newest that scores it; empty if none was ever submitted.

    Raises:
        RunError: a line of the file is no job; the message names it.
    """
    return list({(job.kind, job.run): job for job in _records(results, study_id)}.values())


def read_all(results: Path) -> list[Job]:
    """All jobs of a results folder that train, whichever study submitted them; those of one study oldest first.

    Raises:
        RunError: as `read`.
    """
    files = sorted(results.glob(f"studies/*/{FILE}"), key=lambda file: file.stat().st_mtime)
    return [job for file in files for job in _records(results, file.parent.name) if job.kind == "train"]


def of_each_run(submitted: Iterable[Job], states: Mapping[str, str]) -> list[Job]:
    """One job for each run, in the order in which the runs were submitted: one that waits or runs, or else the newest.

    Args:
        submitted: from `read_all`.
        states: of jobs by their numbers, from `ugbench.study.slurm.queue.job_states`.
    """
    chosen: dict[str, Job] = {}
    for job in submitted:
        before = chosen.get(job.run, job)
        if is_live(states.get(job.job)) or not is_live(states.get(before.job)):
            chosen[job.run] = job
    return list(chosen.values())


def _records(results: Path, study_id: str) -> Iterator[Job]:
    file = inside(jobs_folder(results, study_id), FILE)
    return jsonl.read(file, lambda fields: Job(**fields), "record of a job", True)
