"""The settings that a protocol states for a metric, and the hash of a protocol's fields.

`EvalRequest.protocol_of` in ugbench/scoring/request.py makes these fields. This module imports no torch, because tables
use it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ugbench import registry
from ugbench.errors import UnknownName
from ugbench.metric import Metric

LAST = "last"  # the value of `checkpoint` in a protocol when no checkpoint was selected


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


def protocol_id(fields: Mapping[str, Any]) -> str:
    """The first 12 hex digits of the sha256 of a protocol, written as JSON with sorted keys and no spaces."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
