"""Several devices that share the images of a command: copies of its networks, each of which computes whole batches.

A device is one of this process, or that of another process that torchrun has started (`ugbench.inference.other_ranks`).
A thread for each device gives its network one batch after another, or sends the batch to its process. The batches are
the same as on one device, and so are the results, in the same order.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias, TypeVar

import torch

from ugbench.arithmetic import exact_float32
from ugbench.inference.other_ranks import OtherRank
from ugbench.inference.remote_methods import RemoteMethod, SavedMethod
from ugbench.method import Method

FurtherDevice: TypeAlias = torch.device | OtherRank
"""A device besides the first one: of this process, or of another one."""

Copy = TypeVar("Copy")
Item = TypeVar("Item")
Result = TypeVar("Result")


def copies_on(
    method: Method, devices: Iterable[FurtherDevice], saved: SavedMethod | None = None
) -> tuple[Method | RemoteMethod, ...]:
    """A copy of a method on each of these devices; networks without weights stay without.

    Args:
        saved: where other processes find its networks; None if all devices are of this process.
    """
    copies: list[Method | RemoteMethod] = []
    for device in devices:
        if isinstance(device, OtherRank):
            assert saved is not None
            copies.append(RemoteMethod(device, saved, method))
            continue
        copied = copy.deepcopy(method)
        for network in copied.children():
            if not any(tensor.is_meta for tensor in network.state_dict().values()):
                network.to(device)
        copies.append(copied)
    return tuple(copies)


def on_all_devices(
    copies: Sequence[Copy], work: Iterable[tuple[Item, Callable[[Copy], Result]]]
) -> Generator[tuple[Item, Result], None, None]:
    """Do each piece of work with one of the copies, and yield its item with the result, in the order of the work.

    With one copy nothing runs in a thread. What a piece of work raises is raised in its turn, and what `work` itself
    raises is raised after all pieces before it. A caller that may stop early must close the iterator, which waits for
    the pieces that are being done.

    Args:
        copies: of a network, on one device each.
    """
    if len(copies) == 1:
        for item, piece in work:
            yield item, piece(copies[0])
        return
    errors: list[Exception] = []
    # Threads share the switches for exact float32; so they are set here, before and after all threads.
    with exact_float32(), ThreadPoolExecutor(len(copies), "device") as threads:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for number, (item, piece) in enumerate(_noting(work, errors)):
            if len(waiting) == len(copies):  # the oldest one has the copy that is next
                done, future = waiting.popleft()
                yield done, future.result()
            waiting.append((item, threads.submit(piece, copies[number % len(copies)])))
        for done, future in waiting:
            yield done, future.result()
    if errors:
        raise errors[0]


def _noting(work: Iterable[Item], errors: list[Exception]) -> Iterator[Item]:
    """The work until its end, or until it raises an error, which is appended to `errors`."""
    try:
        yield from work
    except Exception as error:
        errors.append(error)
