"""Options of how steps are computed, which are no part of a run's id and which commands that train share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from ugbench.training.execution import Execution, Mode

Compile = Annotated[
    Mode,
    Option(
        "--compile",
        help="Compile the networks with torch.compile, which needs a C++ compiler. auto is off for now.",
    ),
]
Capture = Annotated[
    Mode,
    Option(
        "--capture",
        help="Replay whole steps as CUDA graphs: experimental, and only on a GPU of NVIDIA. auto is off for now.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class ExecutionOptions:
    """How the steps of trainings are computed."""

    deterministic: Annotated[
        bool,
        Option(
            "--deterministic",
            help="Use only algorithms that repeat their bits, so that a resumed run is bit-exact on a GPU too, where "
            "this is slower. On a CPU runs are bit-exact without it.",
        ),
    ] = False
    compile: Compile = "auto"
    capture: Capture = "auto"

    def execution(self) -> Execution:
        """The options as training takes them.

        Raises:
            UsageError: a mode is not available.
        """
        return Execution(self.deterministic, self.compile, self.capture)
