"""Has a model copied its training images? For each output, the nearest training image in feature space.

The distances of real test images are given for scale. A small distance is a reason to look at the pair, not a proof of
copying: an extractor also puts images near each other that only show the same kind of thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ugbench.analysis.selection import training_images
from ugbench.data.fitting import Transform
from ugbench.data.splits import TEST, TRAIN
from ugbench.direction import Direction
from ugbench.errors import RunError, UsageError
from ugbench.inference.test_set import make_outputs
from ugbench.runs.known_images import are_known
from ugbench.runs.run import Run, dataset_of
from ugbench.runs.stored_outputs import outputs_of
from ugbench.scoring.evaluate import Evaluation

ROWS = 256  # images whose distances to all training images are in memory at once
SHARE = 0.01  # of the real test images; outputs that are nearer than this share of them are listed


@dataclass(frozen=True)
class Neighbour:
    """An image, the training image nearest to it, and their Euclidean distance in feature space."""

    file: Path
    nearest: Path
    distance: float


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of one run in one direction.

    Attributes:
        outputs: the neighbours of the run's outputs, nearest first.
        real: the neighbours of the real test images of the target domain, nearest first.
        transform: the test transform with which images were compared.
        step: training steps of the weights that made the outputs; None where they are not known.
    """

    direction: Direction
    outputs: tuple[Neighbour, ...]
    real: tuple[Neighbour, ...]
    transform: Transform
    step: int | None

    @property
    def limit(self) -> float:
        """The 1 % quantile of the distances of the real test images, linearly interpolated."""
        return quantiles(self.real, (SHARE,))[0]

    @property
    def near(self) -> tuple[Neighbour, ...]:
        """The outputs below that limit, nearest first."""
        return tuple(neighbour for neighbour in self.outputs if neighbour.distance < self.limit)


def neighbours_of(evaluation: Evaluation, run: Run, direction: Direction) -> Neighbours:
    """The neighbours of a run's outputs at its last checkpoint, among the training images of the target domain.

    All images go to the extractor after the test transform of the outputs, as in scores.

    Raises:
        RunError: the run has saved nothing, its data set is gone, or its training images have changed.
        UsageError: the target domain has no training images.
    """
    dataset = dataset_of(run)
    split = TRAIN[direction[2]]
    if not dataset.has(split):
        raise UsageError(f"{dataset.root} has no {split} to compare outputs with; put the training images there.")
    record = run.config.dataset
    if record is None or not are_known(split, dataset, run, record):
        raise RunError(
            f"run {run.id} ({run.config.label}) was not trained on the images that are now in {dataset.root / split}; "
            "to fix this, put its training images back."
        )
    networks = evaluation.request.networks
    outputs = outputs_of(run, dataset, direction)
    make_outputs(run, dataset, direction, networks.device, outputs.step, further=networks.further)
    train = training_images(run, dataset, direction[2])
    train_features = evaluation.features(train, outputs.transform)
    of_outputs, of_real = (
        _neighbours(files, evaluation.features(files, outputs.transform), train, train_features)
        for files in (outputs.files, dataset.split(TEST[direction[2]]))
    )
    return Neighbours(direction, of_outputs, of_real, outputs.transform, outputs.step)


def nearest(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """For each row (n, d) the Euclidean distance (n,) to the nearest of columns (m, d), and its index (n,)."""
    minima = [
        # Without the matrix product, which loses the small distances that matter here.
        torch.cdist(block, columns, compute_mode="donot_use_mm_for_euclid_dist").min(1)
        for block in rows.split(ROWS)
    ]
    return torch.cat([minimum.values for minimum in minima]), torch.cat([minimum.indices for minimum in minima])


def quantiles(neighbours: Sequence[Neighbour], shares: Sequence[float]) -> tuple[float, ...]:
    """The quantiles of the distances at these shares (0 to 1), linearly interpolated."""
    distances = torch.tensor([neighbour.distance for neighbour in neighbours], dtype=torch.float64)
    return tuple(torch.quantile(distances, torch.tensor(shares, dtype=torch.float64)).tolist())


def _neighbours(
    files: Sequence[Path], features: Tensor, train: Sequence[Path], train_features: Tensor
) -> tuple[Neighbour, ...]:
    distances, indices = nearest(features, train_features)
    neighbours = [
        Neighbour(file, train[index], distance)
        for file, index, distance in zip(files, indices.tolist(), distances.tolist(), strict=True)
    ]
    return tuple(sorted(neighbours, key=lambda neighbour: neighbour.distance))
