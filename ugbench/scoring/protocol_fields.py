"""The fields of a protocol: everything that the value of one metric depends on besides the images, and their hash.

This module imports no torch, because tables use it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ugbench import registry
from ugbench.data.images import Size
from ugbench.errors import UgbenchError, UnknownName
from ugbench.metric import Metric
from ugbench.scoring.inputs import networks_of, requirements

if TYPE_CHECKING:
    from ugbench.scoring.networks.extractors import Extractor
    from ugbench.scoring.networks.perceptual import PerceptualDistance


LAST = "last"  # the value of `checkpoint` in a protocol when no checkpoint was selected
FILTER = "pil-bilinear-antialiased"


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


def protocol(
    metric_name: str,
    *,
    name: str,
    reference: str,
    size: Size | Literal["as-is"],
    extractor: Extractor | None = None,
    perceptual: PerceptualDistance | None = None,
    settings: Mapping[str, Any] | None = None,
    format: str = "png",
    filter: str = FILTER,
    checkpoint: str = LAST,
    to_extractor: str | None = None,
) -> dict[str, Any]:
    """The protocol of one metric's scores: only what that metric's value depends on.

    Args:
        name: "target", "train-reference", …
        reference: the split that references come from ("test", "train"); stated if the metric uses references.
        size: at which images were compared, px, or "as-is": files as they are.
        extractor: stated if the metric uses features.
        perceptual: the distance between images; stated if the metric uses distances from source to output.
        settings: changes to the metric's settings.
        format: file format of the scored images.
        filter: of the resize to `size`; stated as None if there is no resize.
        checkpoint: the rule by which a run's checkpoint was chosen.
        to_extractor: filter of an antialiased resize to the extractor's size, before its own; None for none.
    Raises:
        UnknownName, UsageError: see `metric_settings`.
        UgbenchError: the metric needs two distances between images, which a protocol cannot state.
    """
    metric = registry.load_metric(metric_name)
    networks = networks_of(metric)
    distances = networks - {"extractor"}
    if len(distances) > 1:
        raise UgbenchError(f"{metric_name} needs {' and '.join(sorted(distances))}; a protocol states one of them.")
    fields: dict[str, Any] = {
        "name": name,
        "metric": metric_name,
        "settings": metric_settings(metric_name, settings or {}),
        "checkpoint": checkpoint,
        "size": list(size) if isinstance(size, tuple) else size,
        "filter": None if size == "as-is" else filter,
        "format": format,
    }
    if "references" in requirements(metric):
        fields["reference"] = reference
    if "extractor" in networks:
        if extractor is None:
            raise ValueError(f"the protocol of {metric_name} needs its extractor")
        fields["extractor"] = {
            "name": extractor.name,
            "sha256": extractor.sha256,
            "transform": extractor.transform,
        }
        if to_extractor is not None:
            fields["to_extractor"] = f"{extractor.size} px pil-{to_extractor}-antialiased"
    if distances:
        if perceptual is None:
            raise ValueError(f"the protocol of {metric_name} needs its distance between images")
        fields["perceptual"] = {
            "net": perceptual.net,
            "sha256": perceptual.sha256,
            "version": perceptual.version,
        }
    return fields


def is_selected(fields: Mapping[str, Any]) -> bool:
    """True if a protocol is about a selected checkpoint (see `ugbench.analysis.selection.rule`), not the last one."""
    return bool(fields.get("checkpoint", LAST) != LAST)


def protocol_id(fields: Mapping[str, Any]) -> str:
    """The first 12 hex digits of the sha256 of a protocol, written as JSON with sorted keys and no spaces."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
