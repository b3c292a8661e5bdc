"""What a tracker is: a program that shows trainings, such as Weights & Biases or MLflow.

Each file of ugbench/trackers is one tracker. Its module defines one `TRACKER`. Which lines and images a tracker has
already, and what happens when it fails, is the work of ugbench.training.tracking.

The shipped modules import the tracker's package where a training starts, so that listing the names needs no package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Status = Literal["done", "stopped", "failed"]
"""How a training ended: at its last step, by a signal and saved, or with an error."""
Image: TypeAlias = "npt.NDArray[np.uint8]"
"""An image, uint8 (height, width, 3)."""


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run when its training starts.

    Attributes:
        id: of the tracker's own run: the id of the run and six more hex digits. It is the same when a training is
            resumed, and a new one after `--restart`.
        name: for people: the method, the variant, the data set, the direction and the seed.
        dataset: the name of the data set.
        results: the results folder, for a tracker that writes files and was told no other place.
        config: what decides the numbers of the run, by name; the values are JSON values.
    """

    id: str
    name: str
    dataset: str
    results: Path
    config: Mapping[str, Any]


class TrackedTraining(Protocol):
    """One training at a tracker. An error of a method is logged as one sentence, and the training goes on."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Show numbers of a step by name: losses, learning rates, scalars of the method, and scores."""

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """Show images of a step by name: sample grids and rows of attention maps."""

    def end(self, status: Status) -> None:
        """Say how the training ended; nothing is called afterwards."""


@dataclass(frozen=True)
class Tracker:
    """One tracker. Its name is that of its module or entry point.

    Attributes:
        start: begins the tracker's own run, or goes on with it if there is one of this id.
        check: raises UsageError if the tracker cannot be used: its package is missing, or nobody is logged in. It is
            called before anything is trained.
    """

    start: Callable[[TrackedRun], TrackedTraining]
    check: Callable[[], None] = lambda: None
