"""Options of how a training runs, which are no part of a run's id and which `train`, `compare` and `ablate` share."""

from __future__ import annotations

from typing import Annotated

from typer import Option

Deterministic = Annotated[
    bool,
    Option(
        "--deterministic",
        help="Use only algorithms that repeat their bits, so that a resumed run is bit-exact on a GPU too, where this "
        "is slower. On a CPU runs are bit-exact without it.",
    ),
]
