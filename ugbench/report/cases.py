"""Scores of single images from the files at hand, for the best and the worst of a run's outputs; lower is better."""

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
from ugbench.metrics import changed as metric
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
class Scores:
    """Of single outputs.

    Attributes:
        about: what they are, a sentence.
        values: by the run's label and the source's stem; empty where there are none.
    """

    about: str = NONE
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def of_truth(
    runs: Mapping[str, tuple[Mapping[str, Path], Size]], sources: Mapping[str, Path], truth: Mapping[str, Path]
) -> Scores:
    """`changed` of each output, left out where source or truth is missing or nothing should change.

    Args:
        runs: outputs by stem and their size, by the run's label.
        sources, truth: by stem.
    Raises:
        DataError: an image cannot be read.
    """
    return Scores(TRUTH, {label: _changed(sources, outputs, truth, size) for label, (outputs, size) in runs.items()})


def of_sets(runs: Mapping[str, Run], direction: Direction) -> Scores:
    """What `ugbench eval` kept of each output's share in the score of its set, under the protocol that most runs have.

    Raises:
        RunError: a file of them is damaged.
    """
    kept = {label: per_image.read(run, direction, shown_step(run, direction)) for label, run in runs.items()}
    counts = Counter((one.metric, one.protocol_id) for own in kept.values() for one in own if _counts_down(one.metric))
    if not counts:
        return Scores()
    (name, protocol_id), _ = max(counts.items(), key=lambda one: (one[1], one[0]))
    found = registry.load_metric(name)
    values = {
        label: {
            stem: value * found.scale
            for one in own
            if one.protocol_id == protocol_id
            for stem, value in one.values.items()
        }
        for label, own in kept.items()
    }
    about = (
        f"{found.title}, what each image contributes under protocol {protocol_id}: a set's score is the mean of its "
        "images, and the less, the nearer an image is to the references."
    )
    return Scores(about, values)


def shown_step(run: Run, direction: Direction) -> int | None:
    """The step that the outputs were made at; None where it is not known, as of what was imported."""
    return outputs_step(run, direction) if run.config.origin is None else None


def _counts_down(name: str) -> bool:
    """Whether it is a metric that is here, of which less is better."""
    return name in registry.modules("metrics") and registry.load_metric(name).higher_is_better is False


def _changed(
    sources: Mapping[str, Path], outputs: Mapping[str, Path], truth: Mapping[str, Path], size: Size
) -> dict[str, float]:
    stems = [stem for stem in outputs if stem in sources and stem in truth]
    if not stems:
        return {}
    source, output, known = (load_images([files[stem] for stem in stems], size) for files in (sources, outputs, truth))
    found = metric.each(source, output, known).tolist()
    return {stem: score for stem, score in zip(stems, found, strict=True) if not math.isnan(score)}
