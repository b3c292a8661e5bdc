"""How a device computes: which GPU is the current one, exact float32, and deterministic algorithms.

On NVIDIA GPUs since Ampere, PyTorch computes convolutions of float32 numbers in TF32, which has 10 bits of mantissa
instead of 23. Environment variables and settings of other packages can extend that to matrix products (on a CPU: to
bfloat16). ugbench undoes these settings: training, translation and scoring compute float32 numbers in float32. A run
that should be faster uses bfloat16, and its records say so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch

from ugbench.errors import UgbenchError, UsageError

EXACT = "ieee"
"""PyTorch's name for float32 that is not replaced by a shorter format."""

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
DETERMINISTIC_WORKSPACE = ":4096:8"
"""A workspace with which cuBLAS is deterministic. cuBLAS reads the variable once, when a process first uses the GPU."""


REFUSAL = re.compile(r"(?P<operation>\S+) does not have a deterministic implementation")


@contextmanager
def computing_on(device: torch.device, *, deterministic: bool = False) -> Iterator[None]:
    """Compute on `device`: a GPU is the current one, float32 is exact, and the settings are restored afterwards.

    Args:
        deterministic: use only algorithms that give the same bits in each run on the same device; slower on a GPU.
            Without it cuDNN tries its algorithms for each shape, and takes the fastest.
    Raises:
        UsageError: with `deterministic` on a GPU, CUBLAS_WORKSPACE_CONFIG has a value that is not deterministic, or it
            is not set and the process has used a GPU already.
        UgbenchError: with `deterministic`, PyTorch has no deterministic implementation of an operation in the block.
    """
    with ExitStack() as settings:
        settings.enter_context(current_device(device))
        settings.enter_context(exact_float32())
        settings.enter_context(_set(_cudnn("benchmark"), device.type == "cuda" and not deterministic))
        if deterministic:
            if device.type == "cuda":
                _make_workspace_deterministic()
            settings.enter_context(_set(_cudnn("deterministic"), True))
            settings.enter_context(_deterministic_algorithms())
        yield


def current_device(device: torch.device) -> AbstractContextManager[Any]:
    """Make a GPU the current one: streams, events and random generators that name no GPU belong to the current one."""
    return torch.cuda.device(device) if device.type == "cuda" and device.index is not None else nullcontext()


@contextmanager
def exact_float32() -> Iterator[None]:
    """Compute convolutions and matrix products of float32 numbers in float32, on GPUs and CPUs."""
    backends: Any = torch.backends
    matrix_products, convolutions = backends.cuda.matmul, (backends.cudnn.conv, backends.cudnn.rnn)
    places = (matrix_products, *convolutions, backends.mkldnn.matmul, backends.mkldnn.conv)
    before, older = [place.fp32_precision for place in places], _older_cudnn_switch()
    # PyTorch has two switches for cuDNN, and refuses to read the older one where they do not agree. The older one
    # writes the newer one too, so it is always set first.
    backends.cudnn.allow_tf32 = False
    for place in places:
        place.fp32_precision = EXACT
    try:
        yield
    finally:
        if older is not None:
            backends.cudnn.allow_tf32 = older
        for place, precision in zip(places, before, strict=True):
            place.fp32_precision = precision


def _older_cudnn_switch() -> bool | None:
    """Whether cuDNN may use TF32 by the older of PyTorch's switches; None if something has set the newer one alone."""
    try:
        return torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


def float32_formats() -> dict[str, str]:
    """The format in which float32 numbers are now multiplied, by backend: "ieee" or "none" for float32 itself."""
    return {
        f"{backend}.{operation}": getattr(getattr(torch.backends, backend), operation).fp32_precision
        for backend, operation in (("cudnn", "conv"), ("mkldnn", "matmul"), ("mkldnn", "conv"))
    } | {"cuda.matmul": torch.backends.cuda.matmul.fp32_precision}


_Setting = tuple[Callable[[], Any], Callable[[Any], None]]
"""A function that reads a setting, and one that writes it."""


def _attribute(place: Any, name: str) -> _Setting:
    return lambda: getattr(place, name), lambda value: setattr(place, name, value)


def _cudnn(name: str) -> _Setting:
    return _attribute(torch.backends.cudnn, name)


@contextmanager
def _set(setting: _Setting, value: Any) -> Iterator[None]:
    read, write = setting
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


@contextmanager
def _deterministic_algorithms() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    except RuntimeError as error:
        if (refusal := REFUSAL.search(str(error))) is None:
            raise
        raise UgbenchError(
            f"deterministic training: {refusal['operation']} has no deterministic implementation on this device; train "
            "without --deterministic, or change the method."
        ) from None
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)


def _make_workspace_deterministic() -> None:
    given = os.environ.get(WORKSPACE)
    if given in (DETERMINISTIC_WORKSPACE, ":16:8"):
        return
    if given is not None or torch.cuda.is_initialized():
        setting = "is not set" if given is None else f"is {given}"
        raise UsageError(
            f"deterministic training: {WORKSPACE} {setting} and this process may have used the GPU already; set it to "
            f"{DETERMINISTIC_WORKSPACE} before Python starts."
        )
    os.environ[WORKSPACE] = DETERMINISTIC_WORKSPACE
