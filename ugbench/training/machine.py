"""The machine that a run trains on: what decides its bits besides the config, and what a resume says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch


def notes(device: torch.device, ranks: int = 1) -> dict[str, Any]:
    """What a checkpoint notes of the machine, as far as the bits of further steps depend on it.

    Args:
        ranks: the number of processes that train together; noted if there are several.
    """
    together = {"ranks": ranks} if ranks > 1 else {}
    if device.type == "cuda":
        return {"gpu": torch.cuda.get_device_name(device), "deterministic": is_deterministic(), **together}
    return {
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        **together,
    }


def is_deterministic() -> bool:
    """Whether only algorithms that repeat their bits are used now."""
    return torch.are_deterministic_algorithms_enabled()


def resume_on(device: torch.device, noted: Mapping[str, Any], log: Callable[[str], None], ranks: int = 1) -> None:
    """Make this machine compute as the one that wrote a checkpoint, as far as it can, and say where it cannot.

    On a CPU that means as many threads.

    Args:
        noted: `notes` of the checkpoint; entries of older versions are missing.
        log: called with a sentence for the user.
        ranks: the number of processes that train together now.
    """
    if (before := noted.get("ranks", 1)) != ranks:
        log(
            f"{before} process{'es' * (before > 1)} trained this run until now: going on with {ranks} is not bit-exact."
        )
        return
    if device.type == "cuda":
        _compare_gpus(notes(device), noted, log)
        return
    if "gpu" in noted:
        log(f"This run began on a GPU ({noted['gpu']}): going on here is not bit-exact.")
        return
    threads = noted.get("threads", torch.get_num_threads())
    if threads != torch.get_num_threads():
        log(f"This run began with {threads} threads; they are used again, so that its bits stay the same.")
        torch.set_num_threads(threads)
    here = torch.backends.cpu.get_cpu_capability()
    if (processor := noted.get("instruction_set", here)) != here:
        log(f"This run began on a {processor} processor: going on here is not bit-exact.")


def _compare_gpus(here: Mapping[str, Any], noted: Mapping[str, Any], log: Callable[[str], None]) -> None:
    if "gpu" not in noted:
        log("This run began on a processor: going on here, on a GPU, is not bit-exact.")
    elif noted["gpu"] != here["gpu"]:
        log(f"This run began on another GPU ({noted['gpu']}): going on here is not bit-exact.")
    elif not (noted["deterministic"] and here["deterministic"]):
        log("Going on is not bit-exact, as on each GPU without --deterministic in all parts of a training.")
