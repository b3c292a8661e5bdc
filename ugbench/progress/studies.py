"""The plan of a study in sentences, for the person who waits."""

from __future__ import annotations

from collections.abc import Sequence

from ugbench.progress.lines import duration
from ugbench.study import plan
from ugbench.study.claims import declared_test
from ugbench.study.plan import PlannedRun


def plan_sentences(planned: Sequence[PlannedRun], jobs: int) -> list[str]:
    """How many runs are done, how long the rest takes, and the test of methods with the seeds that it needs."""
    done, half, missing = (sum(run.status == status for run in planned) for status in ("done", "half", "missing"))
    left = plan.seconds_left(planned, jobs)
    if half + missing == 0:
        cost = "nothing to train"
    elif left is None:
        cost = "training time is not known before a step of each was timed"
    else:
        cost = f"{duration(left)} to train"
    counts = f"{len(planned)} runs: {done} done, {half} half done, {missing} missing; {cost}."
    return list(filter(None, (counts, declared_test(planned))))
