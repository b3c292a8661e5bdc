"""What a score depends on besides the images: its protocol. Two scores compare only under one protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from ugbench import registry
from ugbench.data.images import Size
from ugbench.errors import UnknownName
from ugbench.metric import PAIRED, Metric
from ugbench.scoring.networks.extractors import Extractor
from ugbench.scoring.networks.perceptual import Perceptual

LAST = "last"  # what a protocol's `checkpoint` says where none was selected
FILTER = "pil-bilinear-antialiased"


def metric_settings(metric_name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The metric's settings that matter, defaults with `changes`; `METRIC.compute` takes them as they are.

    A metric's module may define `complete(settings)`, which fills what its other settings ask for and drops
    what they make moot; settings that are None are dropped.

    Raises:
        UnknownName: no such metric, or it has no such setting.
        UsageError: from `complete`, values that do not go together.
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


def protocol(
    metric_name: str,
    *,
    name: str,
    reference: str,
    size: Size | Literal["as-is"],
    extractor: Extractor | None = None,
    perceptual: Perceptual | None = None,
    settings: Mapping[str, Any] | None = None,
    format: str = "png",
    filter: str = FILTER,
    checkpoint: str = LAST,
    to_extractor: str | None = None,
) -> dict[str, Any]:
    """The protocol of one metric's scores: only what that metric's value depends on.

    Args:
        name: "target", "train-reference", …
        reference: split that the references come from ("test", "train"); for metrics that have any.
        size: at which images were compared, px, or "as-is": files as they are.
        extractor: for metrics on features.
        perceptual: for metrics on distances from source to output.
        settings: changes to the metric's settings.
        format: file format of what was scored.
        filter: of the resize to `size`; None where there is none.
        checkpoint: rule by which a run's checkpoint was chosen.
        to_extractor: filter of an antialiased resize to the extractor's size, before its own; None for none.
    Raises:
        UnknownName, UsageError: see `metric_settings`.
    """
    needs = registry.load("metrics", metric_name).METRIC.needs
    fields: dict[str, Any] = {
        "name": name,
        "metric": metric_name,
        "settings": metric_settings(metric_name, settings or {}),
        "checkpoint": checkpoint,
        "size": list(size) if isinstance(size, tuple) else size,
        "filter": None if size == "as-is" else filter,
        "format": format,
    }
    if needs in ("features", "images"):
        fields["reference"] = reference
    if needs == "features":
        if extractor is None:
            raise ValueError(f"the protocol of {metric_name} needs its extractor")
        fields["extractor"] = {
            "name": extractor.name,
            "sha256": extractor.sha256,
            "transform": extractor.transform,
        }
        if to_extractor is not None:
            fields["to_extractor"] = f"{extractor.size} px pil-{to_extractor}-antialiased"
    elif needs in PAIRED:
        if perceptual is None:
            raise ValueError(f"the protocol of {metric_name} needs its distance between images")
        fields["perceptual"] = {
            "net": perceptual.net,
            "sha256": perceptual.sha256,
            "version": perceptual.version,
        }
    return fields


def is_selected(fields: Mapping[str, Any]) -> bool:
    """Whether a protocol is of a selected checkpoint (see `ugbench.analysis.selection.rule`), not of the last."""
    return bool(fields.get("checkpoint", LAST) != LAST)


def protocol_id(fields: Mapping[str, Any]) -> str:
    """The first 12 hex digits of the sha256 of a protocol as JSON with sorted keys and no spaces."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
