"""How the runs of a study ended, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ugbench.errors import UgbenchError
from ugbench.runs.failure import failure_of
from ugbench.study.plan import PlannedRun, refreshed


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: `stopped` where it is partly trained, and `missing` where nothing of it is saved; the last three states
            are those of its job on SLURM.
        log: the last lines that a failed run printed, or why it failed.
    """

    planned: PlannedRun
    status: Literal["done", "failed", "stopped", "missing", "cancelled", "queued", "running"]
    log: str = ""


def outcomes_as_they_are(planned: Sequence[PlannedRun]) -> list[Outcome]:
    """How far each run is now, for a call that does not wait for trainings.

    Raises:
        RunError: a file of a run is damaged.
    """
    outcomes = []
    for run in map(refreshed, planned):
        reason = None if run.status == "done" else failure_of(run.run)
        if run.status == "done":
            outcomes.append(Outcome(run, "done"))
        elif reason is not None:
            outcomes.append(Outcome(run, "failed", reason))
        else:
            outcomes.append(Outcome(run, "stopped" if run.step else "missing"))
    return outcomes


def outcome_sentence(outcome: Outcome) -> str:
    """What became of a run."""
    name, step = run_name(outcome.planned), outcome.planned.step
    if outcome.status == "failed":
        return f"{name} FAILED (its log is {outcome.planned.run.train_log}):\n  " + outcome.log.replace("\n", "\n  ")
    return f"{name} is {outcome.status}, at step {step} of {outcome.planned.run.steps}."


def run_name(planned: PlannedRun) -> str:
    """A run as messages call it: `ugatit-no-cam on cat2dog A2B, seed 0`."""
    study_run = planned.study_run
    direction = f" {study_run.direction}" if study_run.direction else ""
    return f"{study_run.arm.label} on {planned.run.dataset_folder.name}{direction}, seed {study_run.seed}"


def raise_unfinished(outcomes: Sequence[Outcome]) -> None:
    """Raise UgbenchError if a run failed or is not trained to its end; it names those runs."""
    failed = [outcome.planned.run.id for outcome in outcomes if outcome.status == "failed"]
    others = [outcome.planned.run.id for outcome in outcomes if outcome.status not in ("done", "failed")]
    if not failed and not others:
        return
    parts = []
    if failed:
        parts.append(f"{len(failed)} of {len(outcomes)} runs failed ({', '.join(failed)}); read their train.log")
    if others:
        rest = f"{len(others)} of {len(outcomes)} runs are not done ({', '.join(others)})"
        parts.append(f"{rest}; to train them, give the same command without --no-train")
    raise UgbenchError("; ".join(parts) + ".")
