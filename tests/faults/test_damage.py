"""No damage of a checkpoint goes unnoticed, and no undamaged checkpoint is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from damage import KINDS, Checkpoints, damage_campaign

from ugbench.runs import checkpoint

NUMBER = 300


@pytest.fixture
def originals(tmp_path: Path) -> Checkpoints:
    """Checkpoints of two steps of one run, and of another run."""
    generator = torch.Generator().manual_seed(0)

    def save(run: str, step: int) -> Path:
        parts = {part: {"w": torch.randn(40, 40, generator=generator)} for part in ("method", "optimizer")}
        return checkpoint.save(tmp_path / run, checkpoint.Checkpoint(step, parts, {"threads": 1}))

    return Checkpoints(save("run", 20), save("run", 10), save("other", 20))


def test_every_damage_is_noticed(tmp_path: Path, originals: Checkpoints) -> None:
    report = damage_campaign(originals, NUMBER, tmp_path / "damaged")
    assert report.missed == []
    assert report.detected == report.tried
    assert report.tried.total() == NUMBER
    assert set(report.tried) == set(KINDS)
    assert report.undamaged == NUMBER // 10


def test_a_reader_that_does_not_look_is_noticed(
    tmp_path: Path, originals: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "sha256_of", lambda file: "")
    monkeypatch.setattr(checkpoint, "load", lambda folder: None)
    report = damage_campaign(originals, 20, tmp_path / "damaged")
    assert len(report.missed) == 20
