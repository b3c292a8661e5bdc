"""How the steps of a training are computed. It changes their bits at most, and is no part of a run's id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ugbench.errors import UnknownName, UsageError

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
        UnknownName: a mode is none.
        UsageError: a mode that is not available.
    """

    deterministic: bool = False
    compile: Mode = "auto"
    capture: Mode = "auto"

    def __post_init__(self) -> None:
        for name, mode in (("compile", self.compile), ("capture", self.capture)):
            if mode not in MODES:
                raise UnknownName(f"mode of {name}", str(mode), MODES)
        if self.capture == "on":
            raise UsageError("capture on: whole steps cannot be captured yet; leave the option out.")
