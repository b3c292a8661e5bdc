"""Devices and precisions: what `auto` means on this machine, and the context in which networks run.

Importing this module loads no torch.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal, get_args

from ugbench.errors import NoSuchDevice, UsageError

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def pick_device(name: str) -> torch.device:
    """The device with the name `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; auto is a GPU if the machine has one.

    Raises:
        UsageError: the name is no device.
        NoSuchDevice: this machine has no such device.
    """
    import torch

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
        raise NoSuchDevice(f"--device {name}: this machine has none; use --device cpu, or see `ugbench doctor`.")
    return device


def pick_devices(names: str) -> list[torch.device]:
    """The devices with these names, separated by commas; each is as in `pick_device`.

    Raises:
        UsageError: see `pick_device`; or a GPU is named twice.
    """
    devices = [pick_device(name) for name in names.split(",")]
    # A GPU without a number is the first one.
    gpus = [(device.type, device.index or 0) for device in devices if device.type != "cpu"]
    if len(devices) > 1 and len(set(gpus)) < len(gpus):
        raise UsageError(f"--device {names}: a device is named twice; name each one once.")
    return devices


def has_bf16(device: torch.device) -> bool:
    """Whether the hardware computes in bfloat16; otherwise it is emulated and slower than float32."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def pick_precision(name: str, device: torch.device, auto: Precision | None = None) -> Precision:
    """The precision with the name `auto`, `fp32`, `bf16` or `fp16`.

    Args:
        auto: what `auto` means; None for the fastest precision of the device.
    Raises:
        UsageError: there is no such precision.
    """
    if name == "auto":
        return auto or ("bf16" if has_bf16(device) else "fp32")
    for precision in PRECISIONS:
        if name == precision:
            return precision
    raise UsageError(f"--precision {name}: not a precision; use auto, fp32, bf16 or fp16.")


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """The context in which networks run: autocast for bf16 and fp16, no change for fp32. Parameters stay float32."""
    if precision == "fp32":
        return nullcontext()
    import torch

    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)
