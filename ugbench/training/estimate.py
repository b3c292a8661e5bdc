"""How much memory and disk a training will take, from shapes alone: no tensor is allocated and nothing is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from ugbench.data.fitting import covering_size
from ugbench.data.images import read_size
from ugbench.device import Precision
from ugbench.errors import DataError
from ugbench.image_size import Size, width_and_height
from ugbench.method import MethodConfig
from ugbench.training.shapes import on_shapes, train_on_shapes

SAMPLED = 200  # files of which the headers are read to estimate the mean size of images


@dataclass(frozen=True)
class Estimate:
    """The size of a training, in bytes.

    Attributes:
        state: weights, buffers, gradients and what the optimizers keep. A gradient that stays in factors counts nothing
            here, because its factors are among what a step keeps.
        saved: the most that a step keeps at a time for its backward passes. What single operations need meanwhile
            depends on the device and its libraries, and is not included.
        checkpoint: one checkpoint.
        generators: generators.safetensors.
    """

    state: int
    saved: int
    checkpoint: int
    generators: int

    @property
    def memory(self) -> int:
        """The least memory of the device that a training takes, in bytes."""
        return self.state + self.saved


def estimate(name: str, config: MethodConfig, precision: Precision) -> Estimate:
    """The size of a training with this config.

    Args:
        name: the method's registered name.
    Raises:
        UnknownName: the method is not installed.
        UsageError, UgbenchError: see `on_shapes` and `train_on_shapes`.
    """
    with on_shapes(name, config, precision) as (method, optimizers):
        weights, frozen = _bytes(method.state_dict().values()), _bytes(method.frozen_state().values())
        gradients, moments = 0, 0
        for optimizer in optimizers.values():
            trained = _bytes(optimizer.group.parameters)
            gradients += trained - _bytes(layer.weight for layer in optimizer.factored)
            moments += trained * sum(name != "step" for name in optimizer.state_names)
        translating = _bytes(tensor for net in method.inference().values() for tensor in net.state_dict().values())
        saved = _SavedTensors([*method.parameters(), *method.buffers()])
        with torch.autograd.graph.saved_tensors_hooks(saved.pack, saved.unpack):
            train_on_shapes(method, optimizers)
    average = translating if config.ema else 0
    return Estimate(
        weights + frozen + gradients + moments + average, saved.peak, weights + moments + average, translating
    )


def image_bytes(training_size: Size, images: int) -> int:
    """The memory that training images take, in bytes: uint8, of the size from which they are cropped."""
    return images * 3 * prod(width_and_height(training_size))


def cropped_image_bytes(training_size: Size, paths: Sequence[Path]) -> int:
    """The memory that training images take with `fit=crop`, in bytes; there they keep their proportions.

    Only the headers of files are read; of more than SAMPLED files, those of a sample at equal distances in the list. A
    file that is no image is left out of the mean: it is reported where images are decoded.
    """
    sizes = []
    for path in paths[:: max(1, -(-len(paths) // SAMPLED))]:
        with suppress(DataError):
            sizes.append(3 * prod(covering_size(read_size(path), training_size)))
    return round(len(paths) * fmean(sizes)) if sizes else image_bytes(training_size, len(paths))


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class _SavedTensors:
    """Counts the bytes that autograd keeps for backward passes: each storage once, as long as any graph holds it.

    Attributes:
        peak: the most bytes at a time.
    """

    def __init__(self, not_counted: Iterable[Tensor]) -> None:
        self.peak = 0
        self._total = 0
        self._holders: Counter[int] = Counter()
        self._not_counted = {_storage(tensor) for tensor in not_counted}

    def pack(self, tensor: Tensor) -> _Saved:
        return _Saved(tensor, self)

    def unpack(self, saved: _Saved) -> Tensor:
        return saved.tensor

    def hold(self, tensor: Tensor) -> None:
        key = _storage(tensor)
        self._holders[key] += 1
        if self._holders[key] == 1 and key not in self._not_counted:
            self._total += tensor.untyped_storage().nbytes()
            self.peak = max(self.peak, self._total)

    def release(self, tensor: Tensor) -> None:
        key = _storage(tensor)
        self._holders[key] -= 1
        if not self._holders[key] and key not in self._not_counted:
            self._total -= tensor.untyped_storage().nbytes()


class _Saved:
    """A tensor that a graph keeps; it is counted until the graph is freed."""

    def __init__(self, tensor: Tensor, counter: _SavedTensors) -> None:
        self.tensor, self._counter = tensor, counter
        counter.hold(tensor)

    def __del__(self) -> None:
        self._counter.release(self.tensor)


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
