"""Computes one metric of one subject's images, and makes the record of the score."""

from __future__ import annotations

from dataclasses import asdict, replace

from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.metric import Score
from ugbench.registry import load_metric
from ugbench.runs.jsonl import LARGEST
from ugbench.scoring.copies import count_copies
from ugbench.scoring.inputs import inputs_of, networks_of, requirements, stated_transform
from ugbench.scoring.protocols import NEAR_DUPLICATES, protocol_id
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest, Subject
from ugbench.scoring.scored_images import ScoredImages

ASIDE = ("identity", "real")  # subjects that are no translations


def compute_score(metric_name: str, request: EvalRequest, images: ScoredImages) -> Score:
    """Load the inputs that the metric needs and compute it with the request's settings.

    Raises:
        WeightsError: there is no file of weights for a network that an input needs.
        DataError: an image cannot be read, or an output has no source.
        UsageError: from the metric, for example too few images; or a number of the score is NaN, infinite or too large.
    """
    metric = load_metric(metric_name)
    images = replace(images, features=images.features.of(metric))
    inputs = [needed.load(images) for needed in inputs_of(metric)]
    score = metric.compute(*inputs, **{**metric.settings, **request.settings_of(metric_name)})
    _check_numbers(metric_name, score)
    return score


def _check_numbers(metric_name: str, score: Score) -> None:
    """Raise UsageError for a number that records do not hold: no command could read the scores again."""
    numbers = {name: getattr(score, name) for name in ("value", "se", "low", "high", "p_value", "order_sd")}
    of_images = [("value of a single image", number) for number in score.each or ()]
    for name, number in [*numbers.items(), *of_images]:
        if number is not None and not abs(number) <= LARGEST:  # true for NaN too
            raise UsageError(
                f"--metric {metric_name}: its {name} is {number:g}, and a score's numbers are finite and at most "
                f"{LARGEST:g} in size; correct the metric, or leave it out."
            )


def make_record(
    metric_name: str,
    score: Score,
    request: EvalRequest,
    images: ScoredImages,
    subject: Subject,
    dataset: str,
    direction: Direction,
) -> ScoreRecord:
    """The record of one score with its full protocol.

    Args:
        dataset: name of the data set's folder under results.
    """
    metric = load_metric(metric_name)
    stored = images.stored_references
    statistics = None if stored is None else stored.statistics_hash
    protocol = request.protocol_of(metric_name, stated_transform(images, metric), images.format, statistics)
    if near_duplicates := images.near_duplicates(requirements(metric)):
        protocol[NEAR_DUPLICATES] = near_duplicates
    on_features = "extractor" in networks_of(metric)
    return ScoreRecord(
        **asdict(subject),
        dataset=dataset,
        direction=direction,
        metric=metric_name,
        value=score.value,
        se=score.se,
        low=score.low,
        high=score.high,
        n_fake=len(images.outputs),
        n_real=images.count_compared(requirements(metric)),
        higher_is_better=metric.higher_is_better,
        comparable=not on_features or request.networks.extractor_for(metric.extractor).comparable,
        protocol=protocol,
        protocol_id=protocol_id(protocol),
        p_value=score.p_value,
        order_sd=score.order_sd,
        sources=images.sources_hash,
        references=images.references_hash(requirements(metric)),
        outputs=images.outputs_hash,
        n_missing=None if subject.method == "real" else images.n_missing,  # real has no translations
        copies=None if subject.run in ASIDE else count_copies(images.copies),
    )
