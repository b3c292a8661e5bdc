"""Scores of the checkpoints of a run while it trains: the same records as those of `ugbench eval` later."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ugbench.data.folders import describe_splits
from ugbench.runs.method_sources import changed_method
from ugbench.runs.run import Run, dataset_of
from ugbench.scoring.cache import Cache
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest

METRIC = "kid"


def request_while_training(networks: Networks, cache: Cache | None) -> EvalRequest:
    """KID under the protocol that `ugbench eval` has without options."""
    return EvalRequest((METRIC,), networks, cache=cache)


def checkpoint_scorer(
    request: EvalRequest, run: Run, log: Callable[[str], None]
) -> Callable[[int, Callable[[], None]], dict[str, float]]:
    """A function that scores the checkpoint of a step and returns the scores by the names of `score_names`.

    Its second argument is called after each batch of outputs, and may end the scoring by an exception. What is scored
    already is read and not computed again. The networks stay loaded from one checkpoint to the next.
    """
    said = {*describe_splits(dataset_of(run)), changed_method(run)}  # was said before the first step
    evaluation = Evaluation(request, run.results, lambda text: None if text in said else log(text))

    def score(step: int, check: Callable[[], None]) -> dict[str, float]:
        # A copy has no features of earlier outputs, and shares which test images are near-duplicates.
        copy = replace(evaluation, progress=lambda _title: lambda _done, _total: check())
        check()
        records = copy.run(run, step)
        for error in evaluation.unwritten.errors:
            log(str(error))
        evaluation.unwritten.errors.clear()
        return score_names(records)

    return score


def score_names(records: Iterable[ScoreRecord]) -> dict[str, float]:
    """The raw values of scores by the names under which logs and trackers show them, such as score/kid/A2B."""
    return {f"score/{record.metric}/{record.direction}": record.value for record in records}
