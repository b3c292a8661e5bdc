"""The files of weights that the method of feature_loss.py takes, and that method as an installed package."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from feature_loss import FeatureLoss, FeatureLossConfig
from made_weights import some_state
from torch import Tensor

from ugbench import registry

NAME = "feature_loss"


def frozen_state(name: str, seed: int = 0) -> dict[str, Tensor]:
    """Weights for "features" or "encoder", by their names in that network; other seeds give other weights."""
    with torch.random.fork_rng(devices=[]):
        network = FeatureLoss(FeatureLossConfig(encode=True)).get_submodule(name)
    return {key: tensor * (1 + seed) if tensor.ndim else tensor for key, tensor in some_state(network).items()}


@pytest.fixture
def weights(tmp_path: Path) -> dict[str, Path]:
    """A file for each name that the method has for --weights; that of alexnet holds more than is needed."""
    files = {"alexnet": tmp_path / "files" / "alexnet.pth", "encoder": tmp_path / "files" / "encoder.pth"}
    files["alexnet"].parent.mkdir()
    features = {f"features.{key}": tensor for key, tensor in frozen_state("features").items()}
    torch.save({**features, "classifier.0.weight": torch.zeros(2, 2)}, files["alexnet"])
    torch.save(frozen_state("encoder"), files["encoder"])
    return files


@pytest.fixture
def feature_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the method of feature_loss.py, installed for this process and for those that it starts."""
    site = tmp_path / "site-packages"
    info = site / f"{NAME}-0.1.dist-info"
    info.mkdir(parents=True)
    shutil.copyfile(Path(__file__).with_name("feature_loss.py"), site / "feature_loss_method.py")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[ugbench.methods]\n{NAME} = feature_loss_method\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    registry.modules.cache_clear()
    yield NAME
    registry.modules.cache_clear()
    sys.modules.pop("feature_loss_method", None)
