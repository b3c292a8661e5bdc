"""Scores of single images, by which the report sorts the outputs of a run; lower is better."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from ugbench import registry
from ugbench.data.datasets import DataSet
from ugbench.data.fitting import Transform
from ugbench.data.progress import Progress
from ugbench.data.tensors import load_images
from ugbench.direction import Direction
from ugbench.metrics import changed
from ugbench.runs.dataset_folder import contents_of_tests
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import stored_step
from ugbench.scoring import per_image

TRUTH = (
    "changed, of each image alone: the error that is left where the truth differs from the source, 1 for an untouched "
    "source and 0 for the truth."
)
NONE = (
    "Single images have no score here: what should change is known only on a dial that changes something, and of "
    "scores of sets ugbench eval keeps what each image contributes to KID."
)
BATCH = 64  # images that are in memory at once


@dataclass(frozen=True)
class SingleScores:
    """Scores of single outputs.

    Attributes:
        description: a sentence that says what they are, or why there are none.
        values: by the label of the run, then by the stem of the source.
        contributions: whether a score means nothing alone, but only beside those of the run's other images.
    """

    description: str
    values: Mapping[str, Mapping[str, float]]
    contributions: bool = False

    def ranked(self, label: str) -> list[str]:
        """The stems of a run's outputs with a score, the best first."""
        values = self.values.get(label, {})
        return sorted(values, key=lambda stem: (values[stem], stem))

    def words(self, label: str) -> dict[str, str]:
        """What the page writes under each output of a run, by stem."""
        values, ranked = self.values.get(label, {}), self.ranked(label)
        if not self.contributions or not values:
            return {stem: f"{value:.2f}" for stem, value in values.items()}
        middle = median(values.values())
        return {stem: f"{_beside(values[stem], middle)} #{place}" for place, stem in enumerate(ranked, start=1)}


def _beside(value: float, middle: float) -> str:
    return "median" if value == middle else "better" if value < middle else "worse"


class OutputFiles(NamedTuple):
    """The outputs of a run by the stem of their sources, and the transform of sources compared with them."""

    files: Mapping[str, Path]
    transform: Transform


def score_against_truth(
    outputs: Mapping[str, OutputFiles],
    sources: Mapping[str, Path],
    truth: Mapping[str, Path],
    progress: Progress | None = None,
) -> SingleScores:
    """The metric `changed` of each output. Images without source, truth or pixels that should change are left out.

    Args:
        outputs: by the label of the run.
        sources, truth: by stem.
        progress: called after each batch with the number of outputs that are scored and of all.
    Raises:
        DataError: an image cannot be read.
    """
    values: dict[str, dict[str, float]] = {}
    stems = {
        label: [stem for stem in of_run.files if stem in sources and stem in truth] for label, of_run in outputs.items()
    }
    total, done = sum(map(len, stems.values())), 0
    for label, (files, transform) in outputs.items():
        for start in range(0, len(stems[label]), BATCH):
            batch = stems[label][start : start + BATCH]
            source, output, target = (
                load_images([by_stem[stem] for stem in batch], transform) for by_stem in (sources, files, truth)
            )
            scores = zip(batch, changed.each(source, output, target).tolist(), strict=True)
            values.setdefault(label, {}).update((stem, score) for stem, score in scores if not math.isnan(score))
            done += len(batch)
            if progress is not None:
                progress(done, total)
    return SingleScores(TRUTH, values)


def read_contributions(runs: Mapping[str, Run], direction: Direction, dataset: DataSet | None) -> SingleScores:
    """What each output contributes to the score of its set, as `ugbench eval` has stored it.

    The scores are of the one metric and protocol that most of the runs have; lower values of the metric are better.

    Args:
        dataset: that of the runs; None where it is gone.
    Raises:
        RunError: a file of contributions is damaged.
    """
    tests = {} if dataset is None else contents_of_tests(dataset)
    stored = {
        label: per_image.of_images_now(
            per_image.read(run, direction, stored_step(run, direction)), run, direction, tests
        )
        for label, run in runs.items()
    }
    counts = Counter(
        (scores.metric, scores.protocol_id)
        for of_run in stored.values()
        for scores in of_run
        if _lower_is_better(scores.metric)
    )
    if not counts:
        return SingleScores(NONE, {})
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
        f"whether what the image contributes to {metric.title} (protocol {protocol_id}) is better or worse than the "
        "median of the run's images, and its rank among them; #1 is the best. A set's score is the mean of what its "
        "images contribute, and less is nearer to the references."
    )
    return SingleScores(description, values, contributions=True)


def _lower_is_better(name: str) -> bool:
    """Whether this is an installed metric whose lower values are better."""
    return name in registry.modules("metrics") and registry.load_metric(name).higher_is_better is False
