"""How the steps of a training are computed. It can change only the rounding, and is no part of a run's id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from ugbench.device import Precision
from ugbench.errors import UnknownName, UsageError

if TYPE_CHECKING:
    import torch

Mode = Literal["auto", "on", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Execution:
    """How a training computes its steps.

    Attributes:
        deterministic: use only algorithms that repeat their bits, see `ugbench.arithmetic.computing_on`.
        compile: compile the networks of the method with torch.compile; auto does not for now.
        capture: record whole steps as CUDA graphs and replay them; auto never does for now.

    Raises:
        UnknownName: a mode is not in MODES.
    """

    deterministic: bool = False
    compile: Mode = "auto"
    capture: Mode = "auto"

    def __post_init__(self) -> None:
        for name, mode in (("compile", self.compile), ("capture", self.capture)):
            if mode not in MODES:
                raise UnknownName(f"mode of {name}", str(mode), MODES)

    @property
    def captures(self) -> bool:
        """Whether steps are recorded and replayed. `auto` does not until that has been measured on a GPU."""
        return self.capture == "on"

    @property
    def compiles(self) -> bool:
        """Whether networks are compiled. `auto` does not: docs/speed.md has what was measured."""
        return self.compile == "on"

    def check(self, device: torch.device, precision: Precision, ranks: int = 1) -> None:
        """Check that steps can be captured, if that is asked for.

        Args:
            ranks: the number of processes that train together.
        Raises:
            UsageError: they cannot be captured on this device, in this precision, or by several processes.
        """
        if not self.captures:
            return
        if device.type != "cuda":
            raise UsageError(f"capture on: only GPUs of NVIDIA replay steps, and the device is {device}; leave it out.")
        if ranks > 1:
            raise UsageError("capture on: only a training on one GPU can replay its steps; leave the option out.")
        if precision == "fp16":
            raise UsageError(
                "capture on: in fp16 the loss scale waits for the GPU in each step; train in bf16 or fp32, or leave "
                "the option out."
            )
