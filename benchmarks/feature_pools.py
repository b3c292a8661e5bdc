"""Finite pools of features of which the true KID is known; simulations draw from them."""

import argparse
import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from measuring import make_parser
from safetensors.torch import load_file, save_file
from torch import Tensor

from ugbench.data.dial.dataset import draw_split
from ugbench.data.dial.spec import DialSpec
from ugbench.data.images import list_images
from ugbench.data.splits import Split
from ugbench.data.tensors import load_images
from ugbench.metrics import _kernel
from ugbench.scoring.networks.extractors import extract, load_extractor

SHARES = {"null": 0.0, "small": 0.1, "middle": 0.3, "large": 1.0}
"""How much of another pool is mixed into one, by the name of the difference."""


@dataclass(frozen=True)
class Pools:
    """Features, float32: real (r, d), other (o, d), and outputs of two or more methods.

    The outputs of each method are (s, d); the same row of all methods belongs to the same source.
    """

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
        sizes = {"real": len(self.real), "other": len(self.other)}
        sizes |= {name: len(pool) for name, pool in self.outputs.items()}
        stops = np.cumsum(list(sizes.values())).tolist()
        return {name: range(stop - size, stop) for (name, size), stop in zip(sizes.items(), stops, strict=True)}

    @cached_property
    def kernel(self) -> Tensor:
        """The kernel of every pair of rows of `all`, including the diagonal."""
        return _kernel.cubic(self.all, self.all)

    def weights(self, shares: dict[str, float]) -> Tensor:
        """A distribution over `all`: each pool has its share, spread evenly over its rows."""
        weights = torch.zeros(len(self.all), dtype=torch.float64)
        for name, share in shares.items():
            part = self.parts[name]
            weights[part.start : part.stop] += share / len(part)
        return weights

    def truth(self, shares: dict[str, float]) -> float:
        """The KID of that mixture against the real pool: the V-statistic."""
        gap = self.weights(shares) - self.weights({"real": 1.0})
        return float(gap @ self.kernel @ gap)

    def draw(self, random: np.random.Generator, name: str, shape: tuple[int, int]) -> np.ndarray:
        """Rows of `all`, drawn with replacement from one pool."""
        part = self.parts[name]
        return random.integers(part.start, part.stop, shape)

    def draw_mixed(self, random: np.random.Generator, name: str, share: float, shape: tuple[int, int]) -> np.ndarray:
        """Rows of `all`, each from the pool `name` with the probability `share`, else from the real pool."""
        untouched = random.random(shape) < share
        return np.where(untouched, self.draw(random, name, shape), self.draw(random, "real", shape))

    def sums(self, fake: np.ndarray, real: np.ndarray) -> _kernel.RowSums:
        """The result of `_kernel.row_sums` for these rows of `all`."""
        rows, columns = torch.from_numpy(fake), torch.from_numpy(real)
        cross = self.kernel[rows[:, None], columns]
        return _kernel.RowSums(self._sums_within(rows), self._sums_within(columns), cross.sum(1), cross.sum(0))

    def sums_of_draws(self, fakes: np.ndarray, reals: np.ndarray) -> _kernel.RowSums:
        """`sums` for each row of fakes (b, n) and reals (b, m), with the draws along the second axis.

        Sums over a draw are sums over the pools, weighted by how often the draw has each feature.
        """
        fake, real = torch.from_numpy(fakes).T, torch.from_numpy(reals).T
        to_fake, to_real = self.kernel @ self._counts(fake), self.kernel @ self._counts(real)
        self_kernels = self.kernel.diagonal()
        return _kernel.RowSums(
            to_fake.gather(0, fake) - self_kernels[fake],
            to_real.gather(0, real) - self_kernels[real],
            to_real.gather(0, fake),
            to_fake.gather(0, real),
        )

    def self_kernels(self, rows: np.ndarray) -> Tensor:
        """The kernel of each feature of draws (b, n) with itself, (n, b)."""
        return self.kernel.diagonal()[torch.from_numpy(rows).T]

    def _counts(self, rows: Tensor) -> Tensor:
        """How often each feature is in each draw, (N, b), from rows (n, b)."""
        counts = torch.zeros(len(self.all), rows.shape[1], dtype=torch.float64)
        return counts.scatter_add_(0, rows, torch.ones_like(rows, dtype=torch.float64))

    def _sums_within(self, rows: Tensor) -> Tensor:
        return self.kernel[rows[:, None], rows].sum(1) - self.kernel[rows, rows]


def pairs(
    pools: Pools, kind: str, first: str, second: str, shape: tuple[int, int], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows of both methods' outputs of drawn sources, and the true difference of the two KIDs.

    Args:
        kind: "exchangeable" (the two outputs of each source change places at random), "equal KID" (the worse method
            outputs a real image so often that the two KIDs are equal), or a key of SHARES (in this share of the cases
            the second method has its own output, else that of the first).
        shape: (draws, sources).
    """
    source = random.integers(0, len(pools.parts[first]), shape)
    first_rows, second_rows = pools.parts[first].start + source, pools.parts[second].start + source
    if kind == "exchangeable":
        swapped = random.random(shape) < 0.5
        return np.where(swapped, second_rows, first_rows), np.where(swapped, first_rows, second_rows), 0.0
    if kind == "equal KID":
        if pools.truth({first: 1.0}) > pools.truth({second: 1.0}):
            first_rows, second_rows, first, second = second_rows, first_rows, second, first
        share = equal_share(pools, first, second)
        mixed = np.where(random.random(shape) < share, pools.draw(random, "real", shape), second_rows)
        return first_rows, mixed, pools.truth({first: 1.0}) - pools.truth({second: 1 - share, "real": share})
    share = SHARES[kind]
    truth = pools.truth({first: 1.0}) - pools.truth({first: 1 - share, second: share})
    return first_rows, np.where(random.random(shape) < share, second_rows, first_rows), truth


def equal_share(pools: Pools, first: str, second: str) -> float:
    """The share of real images among the outputs of `second`, the worse method, that makes both KIDs equal.

    If a share w of the outputs is replaced by images of the real pool, the KID falls by the factor (1 - w)^2.
    """
    return 1 - math.sqrt(pools.truth({first: 1.0}) / pools.truth({second: 1.0}))


def read_pools(data: Path, weights: Path, cache: Path | None) -> Pools:
    """Features of the images under `data`, read from `cache` if it exists, else extracted and written there."""
    if cache is not None and cache.exists():
        features = load_file(cache)
    else:
        extractor = load_extractor("alexnet", {"alexnet": weights})
        cats2dogs, ablation = data / "cat2dog", data / "cat2dog_ablation" / "outputs"
        folders = {"real": [cats2dogs / "trainB", cats2dogs / "testB"]}
        folders["other"] = [cats2dogs / "trainA", cats2dogs / "testA"]
        folders |= {path.name: [path / "A2B"] for path in sorted(ablation.iterdir()) if (path / "A2B").is_dir()}
        files = {name: [file for place in places for file in list_images(place)] for name, places in folders.items()}
        features = {name: extract(extractor, load_images(paths, 256)) for name, paths in files.items()}
        if cache is not None:
            cache.parent.mkdir(parents=True, exist_ok=True)
            save_file(features, cache)
    real, other = features.pop("real"), features.pop("other")
    most = max(map(len, features.values()))
    return Pools(real, other, {name: pool for name, pool in sorted(features.items()) if len(pool) == most})


def read_all_pools(data: Path, cache: Path | None) -> dict[str, Pools]:
    """The pools of the simulations in simulations/: `dial`, `cat2dog` and `clusters`.

    Args:
        data: holds `data/cat2dog`, `data/cat2dog_ablation` and `weights/alexnet-features.pth`.
        cache: folder from which features are read if they are there, and to which they are written.
    """
    weights = data / "weights" / "alexnet-features.pth"
    dial = _dial_features(weights, None if cache is None else cache / "dial.safetensors")
    cats = read_pools(data / "data", weights, None if cache is None else cache / "cat2dog.safetensors")
    return {"dial": Pools(dial["trainB"], dial["trainA"], {}), "cat2dog": cats, "clusters": clusters()}


def pools_parser(docstring: str | None, draws: int) -> argparse.ArgumentParser:
    """The parser of a simulation that draws from pools: options for the data, the features and the number of draws."""
    parser = make_parser(docstring)
    data = os.environ.get("UGBENCH_TEST_DATA")
    parser.add_argument("--data", type=Path, default=data, required=data is None, help="default: UGBENCH_TEST_DATA")
    parser.add_argument("--features", type=Path, help="store the features in this folder, and read them if they exist")
    parser.add_argument("--draws", type=int, default=draws, help="draws per case")
    return parser


def clusters() -> Pools:
    """Two clusters of 150 points of length 8 that are far apart: a drawn case in which only the share varies."""
    generator = torch.Generator().manual_seed(0)
    real, other = (0.3 * torch.randn(150, 8, generator=generator) + centre for centre in (0.5, 1.2))
    return Pools(real, other, {})


def _dial_features(weights: Path, cache: Path | None) -> dict[str, Tensor]:
    """Features of the 400 training images of each domain of a texture dial of 64 px."""
    if cache is not None and cache.exists():
        return load_file(cache)
    spec, extractor = DialSpec(shape=0, texture=1), load_extractor("alexnet", {"alexnet": weights})
    splits: dict[str, Split] = {"trainA": "trainA", "trainB": "trainB"}
    features = {name: extract(extractor, torch.stack(list(draw_split(spec, split)))) for name, split in splits.items()}
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        save_file(features, cache)
    return features
