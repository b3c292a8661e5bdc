"""Scores of single images, by which the report sorts the outputs of a run; lower is better."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass(frozen=True)
class GalleryScores:
    """Scores of single outputs.

    Attributes:
        description: a sentence that says what the scores are, or why there are none.
        values: by the label of the run, then by the stem of the source; empty where there are none.
    """

    description: str = NONE
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class OutputFiles:
    """The outputs of a run by the stem of their sources, and the size in px at which they were made."""

    files: Mapping[str, Path]
    size: Size


def score_against_truth(
    outputs: Mapping[str, OutputFiles], sources: Mapping[str, Path], truth: Mapping[str, Path]
) -> GalleryScores:
    """The metric `changed` of each output. Images without source, truth or pixels that should change are left out.

    Args:
        outputs: by the label of the run.
        sources, truth: by stem.
    Raises:
        DataError: an image cannot be read.
    """
    return GalleryScores(TRUTH, {label: _changed(sources, of_run, truth) for label, of_run in outputs.items()})


def read_contributions(runs: Mapping[str, Run], direction: Direction) -> GalleryScores:
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
        return GalleryScores()
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
    return GalleryScores(description, values)


def stored_step(run: Run, direction: Direction) -> int | None:
    """The step at which the stored outputs were made; None where it is not known, as for imported outputs."""
    return outputs_step(run, direction) if run.config.origin is None else None


def _lower_is_better(name: str) -> bool:
    """Whether this is an installed metric of which less is better."""
    return name in registry.modules("metrics") and registry.load_metric(name).higher_is_better is False


def _changed(sources: Mapping[str, Path], outputs: OutputFiles, truth: Mapping[str, Path]) -> dict[str, float]:
    stems = [stem for stem in outputs.files if stem in sources and stem in truth]
    if not stems:
        return {}
    source, output, target = (
        load_images([files[stem] for stem in stems], outputs.size) for files in (sources, outputs.files, truth)
    )
    scores = changed.each(source, output, target).tolist()
    return {stem: score for stem, score in zip(stems, scores, strict=True) if not math.isnan(score)}
