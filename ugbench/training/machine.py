"""The machine that a run trains on: what decides its bits besides the config, and what a resume says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch


def notes(device: torch.device, compiled: bool) -> dict[str, Any]:
    """What a checkpoint notes of the machine and its compiler, as far as the bits of further steps depend on them."""
    if device.type == "cuda":
        here = {"gpu": torch.cuda.get_device_name(device), "deterministic": is_deterministic()}
    else:
        here = {"threads": torch.get_num_threads(), "instruction_set": torch.backends.cpu.get_cpu_capability()}
    return {**here, "compiled": compiled}


def is_deterministic() -> bool:
    """Whether only algorithms that repeat their bits are used now."""
    return torch.are_deterministic_algorithms_enabled()


def resume_on(device: torch.device, compiled: bool, noted: Mapping[str, Any], log: Callable[[str], None]) -> None:
    """Make this machine compute as the one that wrote a checkpoint, as far as it can, and say where it cannot.

    On a CPU that means as many threads.

    Args:
        compiled: the networks are compiled now.
        noted: `notes` of the checkpoint; entries of older versions are missing.
        log: called with a sentence for the user.
    """
    if (was_compiled := noted.get("compiled", False)) != compiled:
        log(
            f"This run was trained with {'compiled' if was_compiled else 'eager'} networks, and goes on with "
            f"{'compiled' if compiled else 'eager'} ones (--compile): going on is not bit-exact."
        )
    if device.type == "cuda":
        _compare_gpus(notes(device, compiled), noted, log)
        return
    if "gpu" in noted:
        log(f"This run began on a GPU ({noted['gpu']}): going on here is not bit-exact.")
        return
    threads = noted.get("threads", torch.get_num_threads())
    if threads != torch.get_num_threads():
        log(f"This run began with {threads} threads; they are used again, so that its bits stay the same.")
        torch.set_num_threads(threads)
    here = torch.backends.cpu.get_cpu_capability()
    if (before := noted.get("instruction_set", here)) != here:
        log(f"This run began on a {before} processor: going on here is not bit-exact.")


def _compare_gpus(here: Mapping[str, Any], noted: Mapping[str, Any], log: Callable[[str], None]) -> None:
    if "gpu" not in noted:
        log("This run began on a processor: going on here, on a GPU, is not bit-exact.")
    elif noted["gpu"] != here["gpu"]:
        log(f"This run began on another GPU ({noted['gpu']}): going on here is not bit-exact.")
    elif not (noted["deterministic"] and here["deterministic"]):
        log("Going on is not bit-exact, as on each GPU without --deterministic in all parts of a training.")
