"""Scores of single images, by which the report sorts the outputs of a run; lower is better."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ugbench import registry
from ugbench.data.images import Size
from ugbench.data.tensors import load_images
from ugbench.direction import Direction
from ugbench.metrics import changed
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import outputs_step
from ugbench.scoring import per_image

TRUTH = (
    "changed, of each image alone: the error that is left where the truth differs from the source, 1 for an untouched "
    "source and 0 for the truth."
)
NONE = (
    "Single images have no score here: what should change is known only on a dial that changes something, and of "
    "scores of sets ugbench eval keeps what each image contributes to KID."
)


Scores = tuple[str, Mapping[str, Mapping[str, float]]]
"""A sentence that says what the scores of single outputs are, or why there are none; and the scores, by the label of
the run, then by the stem of the source."""


class OutputFiles(NamedTuple):
    """The outputs of a run by the stem of their sources, and the size in px at which they were made."""

    files: Mapping[str, Path]
    size: Size


def score_against_truth(
    outputs: Mapping[str, OutputFiles], sources: Mapping[str, Path], truth: Mapping[str, Path]
) -> Scores:
    """The metric `changed` of each output. Images without source, truth or pixels that should change are left out.

    Args:
        outputs: by the label of the run.
        sources, truth: by stem.
    Raises:
        DataError: an image cannot be read.
    """
    values: dict[str, dict[str, float]] = {}
    for label, (files, size) in outputs.items():
        stems = [stem for stem in files if stem in sources and stem in truth]
        if stems:
            source, output, target = (
                load_images([by_stem[stem] for stem in stems], size) for by_stem in (sources, files, truth)
            )
            scores = zip(stems, changed.each(source, output, target).tolist(), strict=True)
            values[label] = {stem: score for stem, score in scores if not math.isnan(score)}
    return TRUTH, values


def read_contributions(runs: Mapping[str, Run], direction: Direction) -> Scores:
    """What each output contributes to the score of its set, as `ugbench eval` has stored it.

    The scores are of the one metric and protocol that most of the runs have, among metrics of which less is better.

    Raises:
        RunError: a file of contributions is damaged.
    """
    stored = {label: per_image.read(run, direction, stored_step(run, direction)) for label, run in runs.items()}
    counts = Counter(
        (scores.metric, scores.protocol_id)
        for of_run in stored.values()
        for scores in of_run
        if _lower_is_better(scores.metric)
    )
    if not counts:
        return NONE, {}
    name, protocol_id = max(counts, key=lambda kind: (counts[kind], kind))
    metric = registry.load_metric(name)
    values = {
        label: {
            stem: value * metric.scale
            for scores in of_run
            if scores.protocol_id == protocol_id
            for stem, value in scores.values.items()
        }
        for label, of_run in stored.items()
    }
    description = (
        f"{metric.title}, what each image contributes under protocol {protocol_id}: a set's score is the mean of its "
        "images, and the less, the nearer an image is to the references."
    )
    return description, values


def stored_step(run: Run, direction: Direction) -> int | None:
    """The step at which the stored outputs were made; None where it is not known, as for imported outputs."""
    return outputs_step(run, direction) if run.config.origin is None else None


def _lower_is_better(name: str) -> bool:
    """Whether this is an installed metric of which less is better."""
    return name in registry.modules("metrics") and registry.load_metric(name).higher_is_better is False
