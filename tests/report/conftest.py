"""Score records and runs made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ugbench.report.figure_context import FigureContext
from ugbench.scoring.record import ScoreRecord
from ugbench.train.run import DatasetRecord, Run, RunConfig, open_run

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


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Test images of 16 px in pairs of one stem, 00 to 04: domain A at grey level k, domain B at 100 + k."""
    root = tmp_path / "data" / "photos"
    for split, first in (("testA", 0), ("testB", 100)):
        (root / split).mkdir(parents=True)
        for k in range(5):
            level = first + k
            Image.new("RGB", (16, 16), (level, level, level)).save(root / split / f"{k:02d}.png")
    return root


@pytest.fixture
def make_run(tmp_path: Path, dataset: Path) -> Callable[..., Run]:
    """make_run(method, variant): the folder and config of a run on `dataset` that nothing was trained of."""

    def make(
        method: str,
        variant: str | None = None,
        seed: int = 0,
        name: str = "photos",
        root: Path = dataset,
        **config: Any,
    ) -> Run:
        record = DatasetRecord(name=name, root=str(root), fingerprint=name, images={})
        fields = RunConfig(
            method=method,
            variant=variant,
            preset="smoke",
            config={"size": 16, "steps": 100, **config},
            dataset=record,
            direction=None,
            seed=seed,
            precision="fp32",
        )
        return open_run(tmp_path / "results" / name, fields)

    return make


@pytest.fixture
def context(tmp_path: Path) -> FigureContext:
    """All of the runs of `make_run`."""
    return FigureContext(tmp_path / "results")
