"""The machine that a run trains on: what decides its bits besides the config, and what a resume says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Machine:
    """What computes the steps of a training.

    Attributes:
        device: that of this process.
        ranks: the number of processes that train together, each on a device like this one.
        compiled: the networks are compiled.
        captured: steps are recorded and replayed.
    """

    device: torch.device
    ranks: int = 1
    compiled: bool = False
    captured: bool = False

    def notes(self) -> dict[str, Any]:
        """What a checkpoint notes about the machine: everything on which the bits of further steps depend."""
        if self.device.type == "cuda":
            here = {"gpu": torch.cuda.get_device_name(self.device), "deterministic": is_deterministic()}
        else:
            here = {"threads": torch.get_num_threads(), "instruction_set": torch.backends.cpu.get_cpu_capability()}
        return {**here, "ranks": self.ranks, "compiled": self.compiled, "captured": self.captured}


def is_deterministic() -> bool:
    """Whether only algorithms that repeat their bits are used now."""
    return torch.are_deterministic_algorithms_enabled()


def resume_on(machine: Machine, noted: Mapping[str, Any], log: Callable[[str], None]) -> None:
    """Make a machine compute as the one that wrote a checkpoint, as far as it can, and say where it cannot.

    On a CPU that means as many threads.

    Args:
        noted: `Machine.notes` of the checkpoint; entries of older versions are missing.
        log: called with a sentence for the user.
    """
    if (before := noted.get("ranks", 1)) != machine.ranks:
        trained = "process" if before == 1 else "processes"
        log(f"{before} {trained} trained this run until now: going on with {machine.ranks} is not bit-exact.")
        return
    for key, option, named in (
        ("compiled", "--compile", ("eager networks", "compiled networks")),
        ("captured", "--capture", ("steps as usual", "captured steps")),
    ):
        was, now = noted.get(key, False), getattr(machine, key)
        if was != now:
            log(f"This run trained with {named[was]} and goes on with {named[now]} ({option}): that is not bit-exact.")
    if machine.device.type == "cuda":
        _compare_gpus(machine.notes(), noted, log)
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
