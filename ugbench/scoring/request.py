"""What is to be scored and how, and the record of one score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ugbench import registry
from ugbench.data.images import Size
from ugbench.direction import Direction
from ugbench.metric import PAIRED, Metric, Score
from ugbench.scoring.cache import Cache
from ugbench.scoring.features import Stage
from ugbench.scoring.networks.extractors import Extractor, load_extractor
from ugbench.scoring.networks.perceptual import NETS, Perceptual, load_lpips
from ugbench.scoring.networks.structure import load_structure
from ugbench.scoring.protocol import LAST, protocol, protocol_id
from ugbench.scoring.protocols import TARGET, NamedProtocol
from ugbench.scoring.record import ScoreRecord


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

    @property
    def has_perceptual(self) -> bool:
        """Whether a file was given for LPIPS; a wrong net is said when it is loaded."""
        return self.lpips_net not in NETS or NETS[self.lpips_net][0] in self.weights

    @cached_property
    def structure(self) -> Perceptual:
        """Raises WeightsError where its weights are not at hand."""
        return load_structure(self.weights, self.device)

    def between(self, needs: str) -> Perceptual:
        """The distance that metrics with these `needs`, one of PAIRED, are the mean of; raises as it does."""
        return self.perceptual if needs == "perceptual" else self.structure


@dataclass(frozen=True)
class Wanted:
    """What is to be scored and how.

    Attributes:
        metrics: their names; none for all that the protocol and the data allow.
        settings: changes to metrics' settings beside the protocol's own, by metric.
        checkpoint: rule by which a run's checkpoint is chosen, as protocols say it.
        cache: where features are kept between calls; None keeps none.
    """

    metrics: tuple[str, ...]
    networks: Networks
    protocol: NamedProtocol = TARGET
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checkpoint: str = LAST
    cache: Cache | None = None

    def settings_of(self, name: str) -> dict[str, Any]:
        """Changes to a metric's settings: the protocol's, then the caller's."""
        return {**self.protocol.settings.get(name, {}), **self.settings.get(name, {})}

    def stages(self, size: Size | None) -> tuple[Stage, ...]:
        """The resizes of each image on its way to the extractor; `size` is the test transform's, None for none."""
        stages: list[Stage] = []
        if self.protocol.squashed and size is not None:
            stages.append(Stage(size, "bilinear"))
        if self.protocol.to_extractor is not None:
            stages.append(Stage(self.networks.extractor.size, self.protocol.to_extractor))
        return tuple(stages)

    def protocol_of(self, name: str, size: Size | None, format: str = "png") -> dict[str, Any]:
        """The whole protocol of one metric at one size (None: files as they are)."""
        needs = metric(name).needs
        return protocol(
            name,
            name=self.protocol.name,
            reference=self.protocol.reference,
            size="as-is" if size is None or not self.protocol.squashed else size,
            extractor=self.networks.extractor if needs == "features" else None,
            perceptual=self.networks.between(needs) if needs in PAIRED else None,
            to_extractor=self.protocol.to_extractor,
            settings=self.settings_of(name),
            format=format,
            checkpoint=self.checkpoint,
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
    name: str | None = None


def make_record(
    name: str,
    score: Score,
    wanted: Wanted,
    files: tuple[Size | None, str],
    who: Who,
    where: tuple[str, Direction],
    counts: tuple[int, int],
) -> ScoreRecord:
    """The record of one score with its whole protocol.

    Args:
        files: the size at which outputs were compared (None: as they are) and their format.
        where: the data set's folder under results, and the direction.
        counts: how many outputs and references.
    """
    own = metric(name)
    whole = wanted.protocol_of(name, *files)
    return ScoreRecord(
        run=who.run,
        dataset=where[0],
        direction=where[1],
        method=who.method,
        variant=who.variant,
        seed=who.seed,
        step=who.step,
        metric=name,
        value=score.value,
        se=score.se,
        low=score.low,
        high=score.high,
        n_fake=counts[0],
        n_real=counts[1],
        higher_is_better=own.higher_is_better,
        comparable=own.needs != "features" or wanted.networks.extractor.comparable,
        protocol=whole,
        protocol_id=protocol_id(whole),
        name=who.name,
        p_value=score.p_value,
        order_sd=score.order_sd,
    )
