"""Stands in for CUDA graphs on a CPU: records the operations of a function once, and repeats those alone.

Like a CUDA graph it does nothing while it records: what the recorded function changes is put back, its results are NaN
until a replay, and reading the value of a tensor is refused. A replay runs the recorded operations of ATen on the
recorded tensors, and no line of the recorded function.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import radam
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ugbench.method import Group
from ugbench.training import optimizers

READS = {"aten::_local_scalar_dense", "aten::item", "aten::equal", "aten::nonzero", "aten::is_nonzero"}
"""Operations that wait for a GPU."""
REFUSAL = "operation not permitted when stream is capturing"

Operation = tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]


class RecordedOperations:
    """A `ugbench.training.capture.Recorder` for the CPU.

    Attributes:
        warmed_up, recorded, replayed: how often.
        has_own_generator: the device has a generator of random numbers of its own, as a GPU, so that draws of torch's
            generator on the processor are part of no recording.
    """

    def __init__(self) -> None:
        self.warmed_up = self.recorded = self.replayed = 0
        self.has_own_generator = False

    def warm_up(self, work: Callable[[], None]) -> None:
        self.warmed_up += 1
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        generator = torch.get_rng_state()
        recording = _Recording()
        try:
            with recording:
                work()
        finally:
            recording.undo()
            if not self.has_own_generator:
                torch.set_rng_state(generator)  # a recording does not move the generator of a GPU

        def replay() -> None:
            self.replayed += 1
            _repeat(recording.operations)

        return replay


class _Recording(TorchDispatchMode):
    """Runs and records operations."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self._made: dict[int, Any] = {}  # the storages that the function makes, kept so that none has another's address
        self._before: dict[int, tuple[Any, Any]] = {}  # the storages from before, with copies

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name
        if name in READS or (name == "aten::lift_fresh" and not _is_of_optimizer()):
            # torch.tensor(number, device="cuda") copies from memory that is not pinned.
            raise RuntimeError(f"{REFUSAL} ({name})")
        for tensor in _tensors((args, kwargs)):
            storage = tensor.untyped_storage()
            if storage._cdata not in self._made and storage._cdata not in self._before:
                self._before[storage._cdata] = storage, storage.clone()
        given = {tensor.untyped_storage()._cdata for tensor in _tensors((args, kwargs))}
        # Aliases, because a tensor that is kept here would keep its graph.
        kept_args, kept_kwargs = tree_map(_alias, (args, kwargs))
        out = func(*args, **kwargs)
        fresh = [_alias(tensor) for tensor in _tensors(out) if tensor.untyped_storage()._cdata not in given]
        for tensor in fresh:
            self._made[tensor.untyped_storage()._cdata] = tensor.untyped_storage()
        if fresh or not _is_view(func):
            self.operations.append((func, kept_args, kept_kwargs, [_alias(tensor) for tensor in _tensors(out)]))
        return out

    def undo(self) -> None:
        """Put back what was changed, and leave no result."""
        for storage, copy in self._before.values():
            storage.copy_(copy)
        for _, _, _, outs in self.operations:
            for tensor in outs:
                if tensor.untyped_storage()._cdata in self._made and tensor.is_floating_point():
                    tensor.fill_(float("nan"))


def _repeat(operations: list[Operation]) -> None:
    with torch.no_grad():
        for func, args, kwargs, outs in operations:
            given = {tensor.untyped_storage()._cdata for tensor in _tensors((args, kwargs))}
            for recorded, new in zip(outs, _tensors(func(*args, **kwargs)), strict=True):
                if recorded.untyped_storage()._cdata not in given:
                    recorded.copy_(new)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _alias(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, Tensor) else leaf


def _is_view(func: Any) -> bool:
    """Whether all results share the memory of arguments, and no argument is changed."""
    returns = func._schema.returns
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)


def _is_of_optimizer() -> bool:
    """Whether torch's RAdam counts steps on the CPU, as it does on no GPU."""
    return any("/torch/optim/" in frame.filename for frame in traceback.extract_stack())


def radam_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let RAdam keep its number of updates in tensors that it does not read, as it does on a GPU alone."""

    def with_rate(group: Group, rate: float) -> torch.optim.Optimizer:
        optimizer = of_this_device(group, rate)
        for param_group in optimizer.param_groups if group.optimizer == "radam" else ():
            param_group["capturable"] = param_group["foreach"] = True
        return optimizer

    of_this_device = optimizers._with_rate
    devices = radam._get_capturable_supported_devices
    monkeypatch.setattr(optimizers, "_with_rate", with_rate)
    monkeypatch.setattr(radam, "_get_capturable_supported_devices", lambda **given: [*devices(**given), "cpu"])
