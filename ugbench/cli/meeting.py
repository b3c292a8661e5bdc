"""A command that torchrun has started as several processes: where they meet, and which of them prints."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ugbench.launched import launched

if TYPE_CHECKING:
    import torch

    from ugbench.nn.across_ranks import Ranks

T = TypeVar("T")


@dataclass(frozen=True)
class Meeting:
    """The processes of one command.

    Attributes:
        ranks, device: of this process; None if it is alone, so that a command can find out what is wrong with its
            options before it loads torch.
    """

    ranks: Ranks | None = None
    device: torch.device | None = None

    def in_turn(self, work: Callable[[], T]) -> T:
        """What `work`, which has nothing to save, returns on this rank; see `ugbench.training.ranks.in_turn`."""
        if self.ranks is None:
            return work()
        from ugbench.training.ranks import in_turn
        from ugbench.training.signals import stop_at_once_on_signals

        def stoppable() -> T:
            with stop_at_once_on_signals():
                return work()

        with stop_at_once_on_signals():
            return in_turn(self.ranks, stoppable)


@contextmanager
def meeting(device: str) -> Iterator[Meeting]:
    """Within the block the processes that torchrun has started can work together; see `ugbench.training.ranks.joined`.

    Args:
        device: value of --device.
    """
    if launched().count == 1:
        yield Meeting()
        return
    from ugbench.training.ranks import joined

    with joined(device) as (ranks, chosen):
        yield Meeting(ranks, chosen)


@contextmanager
def first_rank_prints() -> Iterator[None]:
    """Within the block all ranks but the first print nothing."""
    if launched().rank == 0:
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def rank_of_error() -> str:
    """What stands before an error that this rank alone has, "rank 2: "; empty on the first rank."""
    rank = launched().rank
    return f"rank {rank}: " if rank else ""


def end_with_own_code() -> None:
    """To be called at the end: torchrun sends SIGTERM to the others when it sees the first of several processes end."""
    if launched().count > 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def complain(sentence: str) -> None:
    """Print an error of this rank alone on stderr, where it would otherwise print nothing."""
    print(sentence, file=sys.__stderr__ if launched().rank else sys.stderr)
