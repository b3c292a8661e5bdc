"""Has a model copied? The training image nearest to each output in feature space, with real test images for scale.

Near in feature space is a reason to look at the pair, not a proof of copying: an extractor also puts images near that
are alike in kind alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.images import Size
from ugbench.data.splits import TRAIN
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.inference.test_set import make_outputs
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_outputs import outputs_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.inputs import Material

ROWS = 256  # images whose distances to all training images are held at once
SHARE = 0.01  # of real test images: an output that is nearer than these is listed


@dataclass(frozen=True)
class Neighbour:
    """An image, the training image nearest to it, and their euclidean distance in feature space."""

    file: Path
    nearest: Path
    distance: float


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of one run, one way.

    Attributes:
        outputs: of the run's outputs, nearest first.
        real: of the target's real test images, nearest first.
        size: at which images were compared.
        step: of the run's outputs; None where that is not known.
    """

    direction: Direction
    outputs: tuple[Neighbour, ...]
    real: tuple[Neighbour, ...]
    size: Size
    step: int | None

    @property
    def limit(self) -> float:
        """The distance that 1 % of the real test images stay under (linear between two of them)."""
        return quantiles(self.real, (SHARE,))[0]

    @property
    def near(self) -> tuple[Neighbour, ...]:
        """The outputs under that limit, nearest first."""
        return tuple(one for one in self.outputs if one.distance < self.limit)


def neighbours_of(evaluation: Evaluation, run: Run, direction: Direction) -> Neighbours:
    """The neighbours of a run's outputs at its last checkpoint, among the training images of the target domain.

    All images go to the extractor at the outputs' size, as in scores.

    Raises:
        RunError: the run has saved nothing, or its data set is gone.
        UsageError: the target domain has no training images.
    """
    dataset = dataset_of(run)
    split = TRAIN[direction[2]]
    if not dataset.has(split):
        raise UsageError(f"{dataset.root} has no {split}, so no output can be held against what was trained on.")
    make_outputs(run, dataset, direction, evaluation.wanted.networks.device)
    outputs = outputs_of(run, dataset, direction)
    material = Material(dataset, direction, outputs.size)
    skipped = set() if run.config.dataset is None else set(run.config.dataset.skipped)
    train = [file for file in material.references("train") if f"{split}/{file.name}" not in skipped]
    known = evaluation.features(train, outputs.size)
    own, real = (
        _pairs(files, evaluation.features(files, outputs.size), train, known)
        for files in (outputs.files, material.references("test"))
    )
    return Neighbours(direction, own, real, outputs.size, outputs.step)


def nearest(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """For each row (n, d) the euclidean distance (n,) to the nearest of columns (m, d), and its place (n,)."""
    found = [
        # Without the matrix product, which loses the small distances that matter here.
        torch.cdist(block, columns, compute_mode="donot_use_mm_for_euclid_dist").min(1)
        for block in rows.split(ROWS)
    ]
    return torch.cat([one.values for one in found]), torch.cat([one.indices for one in found])


def quantiles(pairs: Sequence[Neighbour], shares: Sequence[float]) -> tuple[float, ...]:
    """Quantiles of the distances, linear between two of them."""
    distances = torch.tensor([one.distance for one in pairs], dtype=torch.float64)
    return tuple(torch.quantile(distances, torch.tensor(shares, dtype=torch.float64)).tolist())


def _pairs(files: Sequence[Path], features: Tensor, train: Sequence[Path], known: Tensor) -> tuple[Neighbour, ...]:
    distances, places = nearest(features, known)
    found = zip(files, places.tolist(), distances.tolist(), strict=True)
    return tuple(
        sorted((Neighbour(file, train[place], far) for file, place, far in found), key=lambda one: one.distance)
    )
