"""What is to be scored and how, and the record of one score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from ugbench import registry
from ugbench.method import Direction
from ugbench.metric import Metric, Score
from ugbench.scoring.extractors import Extractor, load_extractor
from ugbench.scoring.perceptual import Perceptual, load_lpips
from ugbench.scoring.protocol import protocol, protocol_id
from ugbench.scoring.record import ScoreRecord

Reference = Literal["test", "train"]


@dataclass(frozen=True)
class Networks:
    """The networks that features and perceptual distances come from, each loaded when first asked for."""

    extractor_name: str
    lpips_net: str
    weights: Mapping[str, Path]
    device: torch.device

    @cached_property
    def extractor(self) -> Extractor:
        """Raises WeightsError where its weights are not at hand."""
        return load_extractor(self.extractor_name, self.weights)

    @cached_property
    def perceptual(self) -> Perceptual:
        """Raises WeightsError where its weights are not at hand."""
        return load_lpips(self.lpips_net, self.weights, self.device)


@dataclass(frozen=True)
class Wanted:
    """What is to be scored and how."""

    metrics: tuple[str, ...]
    networks: Networks
    reference: Reference = "test"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def protocol_of(self, name: str, size: int | str) -> dict[str, Any]:
        """The whole protocol of one metric at one image size."""
        needs = metric(name).needs
        return protocol(
            name,
            name="target" if self.reference == "test" else "train-reference",
            reference=self.reference,
            size=size,
            extractor=self.networks.extractor if needs == "features" else None,
            perceptual=self.networks.perceptual if needs == "perceptual" else None,
            settings=self.settings.get(name, {}),
        )


def metric(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        UnknownName: no such metric.
    """
    found: Metric = registry.load("metrics", name).METRIC
    return found


@dataclass(frozen=True)
class Who:
    """Whose score it is: a run's, or `identity` or `real`, which have no variant, seed or step."""

    run: str
    method: str
    variant: str | None = None
    seed: int | None = None
    step: int | None = None


def make_record(
    name: str,
    score: Score,
    wanted: Wanted,
    size: int | str,
    who: Who,
    dataset: str,
    direction: Direction,
    n_fake: int,
    n_real: int,
) -> ScoreRecord:
    """The record of one score with its whole protocol."""
    own = metric(name)
    whole = wanted.protocol_of(name, size)
    return ScoreRecord(
        run=who.run,
        dataset=dataset,
        direction=direction,
        method=who.method,
        variant=who.variant,
        seed=who.seed,
        step=who.step,
        metric=name,
        value=score.value,
        se=score.se,
        low=score.low,
        high=score.high,
        n_fake=n_fake,
        n_real=n_real,
        higher_is_better=own.higher_is_better,
        comparable=own.needs != "features" or wanted.networks.extractor.comparable,
        protocol=whole,
        protocol_id=protocol_id(whole),
    )
