"""Finite pools of features whose true KID is known; what coverage.py draws from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ugbench.data.images import list_images
from ugbench.data.tensors import load_images
from ugbench.metrics import _kernel
from ugbench.scoring.networks.extractors import extract, load_extractor


@dataclass(frozen=True)
class Pools:
    """Features, float32: real (r, d), other (o, d), and outputs of two methods or more, (s, d) each, row for row."""

    real: Tensor
    other: Tensor
    outputs: dict[str, Tensor]

    @cached_property
    def all(self) -> Tensor:
        """Every feature in one tensor, in the order of `parts`."""
        return torch.cat([self.real, self.other, *self.outputs.values()])

    @cached_property
    def parts(self) -> dict[str, range]:
        """The rows of `all` that belong to each pool."""
        found, start = {}, 0
        for name, pool in {"real": self.real, "other": self.other, **self.outputs}.items():
            found[name] = range(start, start + len(pool))
            start += len(pool)
        return found

    @cached_property
    def kernel(self) -> Tensor:
        """k of every pair, its diagonal included."""
        return _kernel._cubic(self.all, self.all)

    def weights(self, shares: dict[str, float]) -> Tensor:
        """A distribution over `all`: each pool's share, uniform inside."""
        found = torch.zeros(len(self.all), dtype=torch.float64)
        for name, share in shares.items():
            part = self.parts[name]
            found[part.start : part.stop] += share / len(part)
        return found

    def truth(self, shares: dict[str, float]) -> float:
        """The KID of that mixture against the real pool: the V-statistic."""
        gap = self.weights(shares) - self.weights({"real": 1.0})
        return float(gap @ self.kernel @ gap)

    def draw(self, random: np.random.Generator, name: str, shape: tuple[int, int]) -> np.ndarray:
        """Rows of `all`, with replacement, from one pool."""
        part = self.parts[name]
        return random.integers(part.start, part.stop, shape)

    def sums(self, fake: np.ndarray, real: np.ndarray) -> _kernel.RowSums:
        """What `_kernel.row_sums` gives for these rows of `all`."""
        rows, columns = torch.from_numpy(fake), torch.from_numpy(real)
        cross = self.kernel[rows[:, None], columns]
        return _kernel.RowSums(self._own(rows), self._own(columns), cross.sum(1), cross.sum(0))

    def _own(self, rows: Tensor) -> Tensor:
        return self.kernel[rows[:, None], rows].sum(1) - self.kernel[rows, rows]


def read_pools(data: Path, weights: Path, cache: Path | None) -> Pools:
    """Features of the images under `data`, from `cache` where it exists."""
    from safetensors.torch import load_file, save_file

    if cache is not None and cache.exists():
        found = load_file(cache)
    else:
        extractor = load_extractor("alexnet", {"alexnet": weights})
        cats2dogs, ablation = data / "cat2dog", data / "cat2dog_ablation" / "outputs"
        sides = {"real": "B", "other": "A"}
        folders = {name: [cats2dogs / f"{split}{side}" for split in ("train", "test")] for name, side in sides.items()}
        folders |= {path.name: [path / "A2B"] for path in sorted(ablation.iterdir()) if (path / "A2B").is_dir()}
        files = {name: [file for folder in own for file in list_images(folder)] for name, own in folders.items()}
        found = {name: extract(extractor, load_images(own, 256)) for name, own in files.items()}
        if cache is not None:
            cache.parent.mkdir(parents=True, exist_ok=True)
            save_file(found, cache)
    outputs = {name: found[name] for name in sorted(found) if name not in ("real", "other")}
    most = max(len(pool) for pool in outputs.values())
    return Pools(found["real"], found["other"], {name: pool for name, pool in outputs.items() if len(pool) == most})
