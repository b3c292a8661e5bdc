"""Devices and precisions: what `auto` means on this machine, and the context a step runs in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from ugbench.errors import UsageError

Precision = Literal["fp32", "bf16"]


def pick_device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; auto takes a GPU where there is one.

    Raises:
        UsageError: not a device, or not on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name}: not a device; use auto, cpu, cuda, cuda:N or mps.") from None
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type, False):
        raise UsageError(f"--device {name}: this machine has none; use --device cpu, or see `ugbench doctor`.")
    return device


def has_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is in the hardware: elsewhere it is emulated and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))
    return False


def pick_precision(name: str, device: torch.device, auto: Precision | None = None) -> Precision:
    """What `auto`, `fp32` or `bf16` means on `device`.

    Args:
        auto: what `auto` means; None for the fastest that the device has.
    Raises:
        UsageError: no such precision.
    """
    if name == "auto":
        return auto or ("bf16" if has_bf16(device) else "fp32")
    if name == "fp32":
        return "fp32"
    if name == "bf16":
        return "bf16"
    raise UsageError(f"--precision {name}: not a precision; use auto, fp32 or bf16.")


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """The context in which networks run: autocast for bf16, nothing for fp32. Parameters stay float32."""
    if precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
