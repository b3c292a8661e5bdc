"""The protocols that `eval --protocol NAME` offers. Two scores compare only under one protocol.

`ugbench.scoring.request.EvalRequest.protocol_of` writes down what the value of one metric depends on under such a
protocol.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ugbench import registry
from ugbench.data.fitting import Transform, as_transform
from ugbench.data.images import Filter
from ugbench.errors import UnknownName
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import Size
from ugbench.metric import Metric
from ugbench.scoring.eval_set import Reference

NEAR_DUPLICATES = "near_duplicates"
"""The field of a protocol that says how many near-duplicates were left out, where there were any."""
AS_IS = "as-is"  # the value of `size` in a protocol of files that are not transformed
LAST = "last"  # the value of `checkpoint` in a protocol when no checkpoint was selected


@dataclass(frozen=True)
class Resize:
    """One resize of an image on its way to the extractor.

    Attributes:
        size: px, or width and height.
        filter: Pillow's filter; it is antialiased.
        fit: how an image of other proportions gets the size.
    """

    size: Size
    filter: Filter = "bilinear"
    fit: Fit = SQUASH

    @property
    def transform(self) -> Transform:
        """The size and the fit, for `ugbench.data.fitting.fitted`."""
        return Transform(self.size, self.fit)

    def __str__(self) -> str:
        width, height = self.transform.width_and_height
        return f"{width}x{height} {self.filter}{'' if self.fit == SQUASH else f' {self.fit}'}"


@dataclass(frozen=True)
class NamedProtocol:
    """A protocol that `eval --protocol NAME` offers.

    Attributes:
        why: what the protocol does, in a sentence for help and documentation.
        reference: which images of the target domain the outputs are compared with.
        transformed: True if references and sources go through the test transform, as the sources of the outputs did;
            else files are taken as they are.
        to_extractor: Pillow's filter of an antialiased resize to the extractor's size before the extractor's own
            transform; None if the extractor resizes.
        settings: changes to settings, by the name of the metric.
        metrics: what `eval` computes without --metric; empty for all metrics that fit.
        features_only: True if the protocol is defined for metrics on features alone.
        one_per_cluster: True if of near-duplicates only one image is scored, see `ugbench.data.image_set`. Protocols
            that repeat the code of others score all.
    """

    name: str
    why: str
    reference: Reference = "test"
    transformed: bool = True
    to_extractor: Filter | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    features_only: bool = True
    one_per_cluster: bool = False

    def resizes(self, transform: Size | Transform | None, extractor_size: int) -> tuple[Resize, ...]:
        """The resizes of each image on its way to the extractor.

        Args:
            transform: the test transform; None for files as they are.
            extractor_size: px at which the extractor works.
        """
        resizes: list[Resize] = []
        if self.transformed and transform is not None:
            transform = as_transform(transform)
            resizes.append(Resize(transform.size, "bilinear", transform.fit))
        if self.to_extractor is not None:
            resizes.append(Resize(extractor_size, self.to_extractor))
        return tuple(resizes)


TARGET = NamedProtocol(
    "target", "full unbiased KID against the target's test images", features_only=False, one_per_cluster=True
)
TRAIN_REFERENCE = NamedProtocol(
    "train-reference",
    "as target, against the target's training images",
    reference="train",
    features_only=False,
    one_per_cluster=True,
)
PROTOCOLS: Mapping[str, NamedProtocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            TARGET,
            TRAIN_REFERENCE,
            NamedProtocol(
                "authors2019",
                "the U-GAT-IT authors' script: files to 299 px as they are, KID over blocks of at most 10, plain and "
                "mixed with the source domain",
                transformed=False,
                to_extractor="bilinear",
                settings=MappingProxyType({"kid": MappingProxyType({"estimator": "blocks"})}),
                metrics=("kid", "kid_mixed"),
            ),
            NamedProtocol(
                "torch-fidelity",
                "that package's own KID (its subsets and seed) and FID, of files as they are",
                transformed=False,
                settings=MappingProxyType({"kid": MappingProxyType({"estimator": "torch-fidelity"})}),
                metrics=("kid", "fid"),
            ),
            NamedProtocol(
                "clean",
                "as target, with an antialiased bicubic resize to the extractor's size (Parmar et al. 2022)",
                to_extractor="bicubic",
                metrics=("kid", "fid"),
                one_per_cluster=True,
            ),
        )
    }
)


def find_protocol(name: str) -> NamedProtocol:
    """The protocol called `name`.

    Raises:
        UnknownName: there is none.
    """
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def metric_settings(metric_name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the metric's value depends on: the defaults with `changes`; `METRIC.compute` accepts them.

    A metric's module may define `complete(settings)`. It fills in what other settings imply and drops what they make
    irrelevant. Settings that are None are dropped.

    Raises:
        UnknownName: there is no such metric, or it has no such setting.
        UsageError: from `complete`, if values do not go together.
    """
    module = registry.load("metrics", metric_name)
    metric: Metric = module.METRIC
    for name in changes:
        if name not in metric.settings:
            raise UnknownName(f"setting of {metric_name}", name, metric.settings)
    settings = {**metric.settings, **changes}
    if hasattr(module, "complete"):
        settings = module.complete(settings)
    return {name: value for name, value in settings.items() if value is not None}


def is_selected(fields: Mapping[str, Any]) -> bool:
    """True if a protocol is about a selected checkpoint (see `ugbench.analysis.selection.rule`), not the last one."""
    return bool(fields.get("checkpoint", LAST) != LAST)


def rule_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A protocol without NEAR_DUPLICATES, which says what the rule did to one data set."""
    return {name: value for name, value in fields.items() if name != NEAR_DUPLICATES}


def protocol_id(fields: Mapping[str, Any]) -> str:
    """The first 12 hex digits of the sha256 of `rule_of` a protocol, as JSON with sorted keys and no spaces."""
    text = json.dumps(rule_of(fields), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
