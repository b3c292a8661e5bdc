"""Score records made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ugbench.scoring.record import ScoreRecord

BETTER_HIGH = {"kid": False, "fid": False, "lpips": None, "precision": True}


@pytest.fixture
def make_record() -> Callable[..., ScoreRecord]:
    """A record of a metric and a method; every other field has a default that keywords replace."""

    def make(metric: str, method: str, value: float, se: float | None = None, **changes: Any) -> ScoreRecord:
        aside = method in ("identity", "real")
        extractor = changes.pop("extractor", "alexnet")
        fields: dict[str, Any] = {
            "run": f"{method}-{changes.get('variant')}-{changes.get('seed', 0)}",
            "dataset": "dial",
            "direction": "A2B",
            "method": method,
            "variant": None,
            "seed": None if aside else 0,
            "step": None if aside else 1000,
            "metric": metric,
            "value": value,
            "se": se,
            "low": None,
            "high": None,
            "n_fake": 100,
            "n_real": 100,
            "higher_is_better": BETTER_HIGH.get(metric),
            "comparable": extractor != "random",
            "protocol": {
                "name": "target",
                "metric": metric,
                "settings": {"estimator": "unbiased"} if metric == "kid" else {},
                "size": 64,
                "reference": "test",
                "extractor": {
                    "name": extractor,
                    "sha256": "7be5be79" + "0" * 56,
                    "transform": "224 bilinear",
                },
            },
            "protocol_id": f"{metric}-{extractor}"[:12],
        }
        return ScoreRecord(**{**fields, **changes})

    return make
