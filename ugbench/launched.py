"""Whether torchrun, or another launcher, has started this process together with others to do one piece of work.

Importing this module loads no torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ugbench.errors import UsageError

_NAMES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Launched:
    """What the launcher says in environment variables, as torch.distributed reads them (`env://`).

    Attributes:
        rank: the number of this process, from 0; `count` processes were started.
        local_rank: its number among the `local_count` processes on this machine.
        restarts: how often the launcher has started these processes again after a failure (`--max-restarts`).
        is_watched: whether torchrun watches these processes, and ends all of them when one has failed.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1
    restarts: int = 0
    is_watched: bool = False


def launched() -> Launched:
    """What the launcher says; one process alone if there is none.

    Raises:
        UsageError: a variable is no whole number.
    """
    if any(name not in os.environ for name in _NAMES):
        return Launched()
    rank, count = _number("RANK", 0), _number("WORLD_SIZE", 1)
    restarts, is_watched = _number("TORCHELASTIC_RESTART_COUNT", 0), "TORCHELASTIC_RUN_ID" in os.environ
    local_rank, local_count = _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", count)
    return Launched(rank, count, local_rank, local_count, restarts, is_watched)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise UsageError(f"the environment variable {name} is {text!r}, and torchrun sets a whole number; unset it.")
    return int(text)
