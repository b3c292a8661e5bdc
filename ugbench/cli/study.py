"""What `compare` and `ablate` share: a study is planned, trained, scored and tabled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ugbench.cli.output import print_json, print_rows, progress_callback, say
from ugbench.cli.progress import duration
from ugbench.errors import Stopped, UgbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ugbench.runs.run import Run
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.record import ScoreRecord
    from ugbench.scoring.request import EvalRequest
    from ugbench.study.grid import Study
    from ugbench.study.plan import Planned, Where
    from ugbench.study.runner import Outcome
    from ugbench.tables.model import Table


@dataclass(frozen=True)
class Scored:
    """What a study came to: its declared seeds, finished runs, the scores that were asked for, and the table."""

    seeds: Sequence[int]
    runs: Sequence[Run]
    evaluation: Evaluation
    scores: Sequence[ScoreRecord]
    table: Table


@dataclass(frozen=True)
class Conclusion:
    """What a command says beyond the table: the fields that --json adds, and how the same is printed."""

    content: dict[str, Any]
    show: Callable[[], None]


@dataclass(frozen=True)
class Call:
    """One call of `compare` or `ablate`.

    Attributes:
        conclude: what is said beyond the table; None for nothing.
    """

    study: Study
    where: Where
    wanted: EvalRequest
    jobs: int
    dry_run: bool
    as_json: bool
    conclude: Callable[[Scored], Conclusion] | None = None


def run(call: Call) -> None:
    """Plan, train, score and table a study; the same call again goes on, or does nothing but the table.

    Raises:
        Stopped: a signal came; every run has saved itself.
        UgbenchError: a run failed; the others are done and tabled.
    """
    from ugbench.study import plan, runner

    steps = _steps(call)
    planned = plan.make(call.study, call.where, steps)
    _check_metrics(call, planned)
    if call.dry_run:
        _print_plan(call, planned)
        return
    _say_plan(call, planned)
    if call.jobs > 1 and any(one.status != "done" for one in planned):
        _check_memory(call, planned)
    with progress_callback("training") as tick:
        outcomes = runner.train_all(planned, call.jobs, say, tick)
    if any(outcome.status == "stopped" for outcome in outcomes):
        done = sum(outcome.status == "done" for outcome in outcomes)
        raise Stopped(f"stopped and saved, {done} of {len(outcomes)} runs done; run the same command again to go on.")
    _score_and_table(call, outcomes)
    if failed := [outcome for outcome in outcomes if outcome.status == "failed"]:
        names = ", ".join(outcome.planned.run.id for outcome in failed)
        raise UgbenchError(f"{len(failed)} of {len(outcomes)} runs failed ({names}); read their train.log.")


def _steps(call: Call) -> dict[Any, int] | None:
    """What --minutes means in steps: measured once, then kept."""
    if call.study.minutes is None:
        return None
    from ugbench.runs.folder import study_file
    from ugbench.study import plan
    from ugbench.study.grid import arms
    from ugbench.study.measure import measured, steps_of

    file = study_file(call.where.results, call.study.id)
    wanted = arms(call.study)
    kept = plan.kept_steps(file)
    if set(kept) != {arm.label for arm in wanted}:
        with progress_callback("timing steps") as tick:
            figures = measured(call.study, wanted, call.where.device, call.where.precision, tick)
        kept = {arm.label: steps for arm, steps in steps_of(call.study.minutes, figures).items()}
        plan.keep_steps(file, call.study, kept)
        for label, steps in kept.items():
            say(f"{label}: {call.study.minutes:g} minutes are {steps} steps here (kept in {file}).")
    return {arm: kept[arm.label] for arm in wanted}


def _check_memory(call: Call, planned: Sequence[Planned]) -> None:
    from ugbench.study.measure import check_memory, measured

    arms = list(dict.fromkeys(one.cell.arm for one in planned if one.status != "done"))
    with progress_callback("measuring memory") as tick:
        figures = measured(call.study, arms, call.where.device, call.where.precision, tick)
    check_memory(call.jobs, figures, call.where.device)


def describe(planned: Planned) -> dict[str, Any]:
    """What --json says of a run of the plan."""
    cell = planned.cell
    return {
        "id": planned.run.id,
        "run": planned.run.path,
        "method": cell.arm.method,
        "variant": cell.arm.variant,
        "dataset": planned.run.dataset_folder.name,
        "direction": cell.direction,
        "seed": cell.seed,
        "status": planned.status,
        "step": planned.step,
        "steps": planned.run.steps,
        "seconds_per_step": planned.seconds_per_step,
        "seconds_left": planned.seconds_left,
    }


def _print_plan(call: Call, planned: Sequence[Planned]) -> None:
    from ugbench.study.plan import seconds_left

    left = seconds_left(planned, call.jobs)
    if call.as_json:
        print_json({"runs": [describe(one) for one in planned], "seconds_left": left})
        return
    rows = [describe(one) for one in planned]
    print_rows(
        ("id", "method", "dataset", "direction", "seed", "status", "step", "left"),
        [
            (
                *(row["id"], one.cell.arm.label, row["dataset"], row["direction"], row["seed"], row["status"]),
                f"{row['step']}/{row['steps']}",
                None if row["seconds_left"] is None else duration(row["seconds_left"]),
            )
            for row, one in zip(rows, planned, strict=True)
        ],
    )
    _say_plan(call, planned)


def _say_plan(call: Call, planned: Sequence[Planned]) -> None:
    from ugbench.study.plan import seconds_left

    counts = {status: sum(one.status == status for one in planned) for status in ("done", "half", "missing")}
    left = seconds_left(planned, call.jobs)
    cost = "training time not known before a step of each was timed" if left is None else f"{duration(left)} to train"
    if counts["half"] + counts["missing"] == 0:
        cost = "nothing to train"
    parts = f"{counts['done']} done, {counts['half']} half done, {counts['missing']} missing"
    say(f"{len(planned)} runs: {parts}; {cost}.")


def _ticking(runs: Sequence[Run], tick: Callable[[int, int], None]) -> Iterator[tuple[Run, tuple[None]]]:
    """Each run with its last step, telling how many are done."""
    for done, run in enumerate(runs):
        tick(done, len(runs))
        yield run, (None,)
    tick(len(runs), len(runs))


def _check_metrics(call: Call, planned: Sequence[Planned]) -> None:
    """Raises NoSuchScore where no data set of the study can have any of the metrics: before hours of training."""
    from ugbench.errors import NoSuchScore
    from ugbench.runs.run import dataset_of
    from ugbench.scoring.request import metrics_for

    folders = {one.run.dataset_folder: one.run for one in planned}
    refused = []
    for run in folders.values():
        try:
            metrics_for(call.wanted, dataset_of(run))
        except NoSuchScore as error:
            refused.append(error)
    if len(refused) == len(folders):
        raise refused[0]


def _score_and_table(call: Call, outcomes: Sequence[Outcome]) -> None:
    from ugbench.analysis import differences, paired_runs
    from ugbench.scoring import record
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.tables.build import build_table
    from ugbench.tables.formats import render
    from ugbench.tables.formats.json import to_json

    runs = [outcome.planned.run for outcome in outcomes if outcome.status == "done"]
    if not runs:
        return
    evaluation = Evaluation(call.wanted, call.where.results, say)
    with progress_callback("scoring") as tick:
        made = evaluation.runs(_ticking(runs, tick))
    ids = {own.id for own in runs} | {"identity", "real"}
    folders = list(dict.fromkeys(own.dataset_folder for own in runs))
    names = {folder.name for folder in folders}
    if differences.are_due(made):
        for folder in folders:
            paired_runs.store_differences(evaluation, [own for own in runs if own.path.is_relative_to(folder)])
    kept = [one for one in record.read_all(call.where.results) if one.run in ids and one.dataset in names]
    table = build_table(kept, call.wanted.metrics, differences=differences.read_all(call.where.results))
    conclusion = (
        None if call.conclude is None else call.conclude(Scored(call.study.seeds, runs, evaluation, made, table))
    )
    if call.as_json:
        planned = [describe(outcome.planned) for outcome in outcomes]
        content = {"runs": planned, "table": to_json(table), "differences": []}
        print_json(content if conclusion is None else {**content, **conclusion.content})
        return
    print(render(table, "terminal"))
    if conclusion is not None:
        conclusion.show()
