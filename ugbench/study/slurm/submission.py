"""Submits the runs of a study as a job array of SLURM, and behind it the job that scores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugbench.errors import UgbenchError
from ugbench.runs.folder import jobs_folder
from ugbench.runs.json_file import make_folder
from ugbench.study.plan import PlannedRun
from ugbench.study.slurm import jobs
from ugbench.study.slurm.jobs import Job
from ugbench.study.slurm.queue import is_live, job_states, short_numbers
from ugbench.study.slurm.tasks import CommandTask

if TYPE_CHECKING:
    from submitit import Job as SubmittedJob

ARRAY = 1000  # tasks of an array; SLURM's own limit (MaxArraySize) is 1001 where nobody has set another
MOST_TIMEOUTS = 1000  # of a task; a task that makes no progress ends much sooner


@dataclass(frozen=True)
class Submission:
    """The jobs of a study.

    Attributes:
        submitted: the jobs that were submitted now, each of which trains a run.
        queued: jobs that an earlier call, of this study or another one, submitted and that still wait or run.
        score: the job that scores the study when all of these have ended; None where it is not scored.
        numbers: of all jobs, as scancel takes them.
    """

    submitted: Sequence[Job]
    queued: Sequence[Job]
    score: Job | None
    numbers: Sequence[str]

    @property
    def training(self) -> list[Job]:
        """All jobs that train a run."""
        return [*self.submitted, *self.queued]


def submit(
    planned: Sequence[PlannedRun],
    words: Callable[[PlannedRun], Sequence[str]],
    score_words: Sequence[str] | None,
    results: Path,
    study_id: str,
    parameters: Mapping[str, Any],
) -> Submission:
    """Submit a task for each run that is not done and has no job yet, and the job that scores the study.

    A run that another study shares may have a job of that study. It is then stored as one of this study too.

    Args:
        words: the command that trains a run.
        score_words: the command that scores what is done; None scores nothing.
        results: the results folder, which all nodes must see under the same path.
        parameters: from `ugbench.study.slurm.parameters.checked_parameters`.
    Raises:
        UgbenchError: SLURM refuses the jobs.
        DiskError: the folder of the jobs cannot be written.
    """
    states = job_states()
    folder = jobs_folder(results, study_id).absolute()
    own = [job for job in jobs.read(results, study_id) if is_live(states.get(job.job))]
    of_runs = jobs.of_each_run(jobs.read_all(results), states)
    live = {job.run: job for job in of_runs if is_live(states.get(job.job))}
    unfinished = {run.run.id: run for run in planned if run.status != "done"}
    queued = [live[run] for run in unfinished if run in live]
    of_others = [job for job in queued if job not in own]
    missing = [unfinished[run] for run in unfinished if run not in live]
    make_folder(folder)
    tasks = [CommandTask(words(run), run.run.train_log, run.run.train_log, run.run.path) for run in missing]
    named = {"name": f"ugbench-{study_id}", **parameters}
    numbers = [
        job.job_id
        for start in range(0, len(tasks), ARRAY)
        for job in submit_tasks(tasks[start : start + ARRAY], folder / "submitit", named)
    ]
    submitted = [training_job(number, run) for number, run in zip(numbers, missing, strict=True)]
    jobs.store(results, study_id, [*submitted, *of_others])
    scoring = [job for job in own if job.kind == "score"]
    score = scoring[0] if scoring and not submitted and not of_others else None
    training = short_numbers((job.job for job in (*submitted, *queued)), states)
    if score_words is not None and score is None:
        task = CommandTask(score_words, scores_output(results, study_id), scores_errors(results, study_id))
        task.output.unlink(missing_ok=True)  # the output of an earlier job that scored
        task.errors.unlink(missing_ok=True)
        # afterany: the table has what is done, and names the runs that failed or were cancelled.
        waits = {"slurm_dependency": ":".join(["afterany", *training])} if training else {}
        (last,) = submit_tasks([task], folder / "submitit", {**named, **waits})
        score = Job(job=last.job_id, kind="score")
        jobs.store(results, study_id, [score])
    return Submission(submitted, queued, score, [*training, *([] if score is None else [score.job])])


def training_job(job: str, planned: PlannedRun) -> Job:
    """The record of a job that trains a run."""
    study_run = planned.study_run
    return Job(
        job=job,
        run=planned.run.id,
        folder=planned.run.path.parts[-3:],
        method=study_run.arm.method,
        variant=study_run.arm.variant,
        direction=study_run.direction,
        seed=study_run.seed,
        steps=planned.run.steps,
    )


def submit_tasks(
    tasks: Sequence[CommandTask], folder: Path, parameters: Mapping[str, Any], cluster: str = "slurm"
) -> list[SubmittedJob[None]]:
    """Submit tasks as one array; returns the job of each.

    Args:
        folder: for the files of submitit.
        cluster: what submitit runs them on: slurm, or local for processes of this machine.
    Raises:
        UgbenchError: the tasks are refused.
    """
    from submitit import AutoExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    executor = AutoExecutor(folder, cluster=cluster, **{f"{cluster}_max_num_timeout": MOST_TIMEOUTS})
    try:
        executor.update_parameters(**parameters)
        with executor.batch():
            submitted = [executor.submit(task) for task in tasks]
    except (FailedJobError, FailedSubmissionError) as error:
        lines = [line.strip() for line in str(error).splitlines() if "error:" in line]
        reason = " ".join(lines or str(error).split()).rstrip(".")
        raise UgbenchError(f"SLURM refuses the jobs ({reason}); correct --slurm.") from None
    return submitted


def scores_output(results: Path, study_id: str) -> Path:
    """What the job that scores a study prints: the table."""
    return jobs_folder(results, study_id) / "scores.out"


def scores_errors(results: Path, study_id: str) -> Path:
    """The messages of the job that scores a study."""
    return jobs_folder(results, study_id) / "scores.err"
