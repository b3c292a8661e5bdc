"""Small packages of other people, methods and an extractor: pip installs them, and entry points name them.

`slow_mover` has three networks that RAdam trains, and translates with a moving average of one. `paired_features` learns
from pairs of images with a frozen feature network. `content_first` has a period of three steps, four optimizers of two
kinds, phases of subsets of its groups, and a style. `colour_grid` is an extractor without weights.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from ugbench import registry

SOURCES = Path(__file__).parents[1] / "third_party"
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "content_first": (),
    "paired_features": ("no-features",),
    "slow_mover": (),
}
"""The names of the methods, with the variants of each."""


@pytest.fixture(scope="session")
def third_party_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed packages, as PYTHONPATH takes it."""
    folder = tmp_path_factory.mktemp("third party")
    sources = shutil.copytree(SOURCES, folder / "sources")  # a build writes into them
    site = folder / "site-packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), *map(str, sorted(sources.iterdir()))], check=True)
    return site


@contextmanager
def visible(site: Path) -> Iterator[None]:
    """In the block this process finds the packages in a folder."""
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    registry.modules.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        registry.modules.cache_clear()


def write_edges_net(file: Path) -> Path:
    """Weights for the frozen network of `paired_features`, in the form of a larger network: more layers, a prefix."""
    random = torch.Generator().manual_seed(3)
    shapes = {
        "0.weight": (4, 3, 3, 3),
        "0.bias": (4,),
        "3.weight": (6, 4, 3, 3),
        "3.bias": (6,),
        "5.weight": (8, 6, 3, 3),
    }
    state = {f"features.{name}": torch.randn(shape, generator=random) / 3 for name, shape in shapes.items()}
    norm = {"weight": 1.0, "bias": 0.0, "running_mean": 0.1, "running_var": 0.5}
    state |= {f"features.1.{name}": torch.full((4,), value) for name, value in norm.items()}
    torch.save(
        {**state, "features.1.num_batches_tracked": torch.tensor(7), "classifier.weight": torch.zeros(2, 8)}, file
    )
    return file
