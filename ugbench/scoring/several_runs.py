"""The scores of several runs, where a run that cannot be scored keeps no other from being scored."""

from __future__ import annotations

from collections.abc import Iterable

from ugbench.errors import NoSuchScore, RunError, UnknownName, UsageError
from ugbench.runs.run import Run
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.record import ScoreRecord


def score_runs(evaluation: Evaluation, steps_of_runs: Iterable[tuple[Run, Iterable[int | None]]]) -> list[ScoreRecord]:
    """The scores of several runs at several steps each, as `Evaluation.run` makes them.

    A run that can have none of the metrics, whose method is no longer installed, that is damaged, or whose imported
    outputs were made from other images, is left out with a message. So is a run whose outputs could not be written; see
    `Evaluation.unwritten`.

    Raises:
        NoSuchScore: no run can have any of the metrics.
        UnknownName, RunError: no run is left.
    """
    records: list[ScoreRecord] = []
    refusals: list[tuple[UsageError, str]] = []  # each with the message of its run
    for run, steps in steps_of_runs:
        try:
            for step in steps:
                with evaluation.unwritten.keep():
                    records += evaluation.run(run, step)
        except NoSuchScore as error:
            refusals.append((error, f"no {error.metric}: {error.reason}."))
        except (RunError, UnknownName) as error:
            refusals.append((error, why_left_out(run, error)))
    if not refusals:
        return records
    first_error, _ = refusals[0]
    for refusal, message in refusals:
        # Where nothing is scored, the first error ends the call, and others of its kind would say the same again.
        if records or not (isinstance(first_error, NoSuchScore) and isinstance(refusal, NoSuchScore)):
            evaluation.log_once(message)
    if not records:
        raise first_error
    return records


def why_left_out(run: Run, error: UsageError) -> str:
    """The sentence that says that a run is left out, and why."""
    return f"run {run.id} ({run.config.label}) is left out: {error}"
