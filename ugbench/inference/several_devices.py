"""Translation on several devices of one machine: copies of the networks, each of which translates whole batches.

A thread for each device gives its network one batch after another. The batches are the same as on one device, and so
are the outputs, in the same order.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from ugbench.arithmetic import exact_float32
from ugbench.method import Method

Item = TypeVar("Item")
Result = TypeVar("Result")


def copies_on(method: Method, devices: Iterable[torch.device]) -> tuple[Method, ...]:
    """A copy of a method on each of these devices; networks without weights stay without."""
    copies = []
    for device in devices:
        copied = copy.deepcopy(method)
        for network in copied.children():
            if not any(tensor.is_meta for tensor in network.state_dict().values()):
                network.to(device)
        copies.append(copied)
    return tuple(copies)


def on_all_devices(
    methods: Sequence[Method], work: Iterable[tuple[Item, Callable[[Method], Result]]]
) -> Iterator[tuple[Item, Result]]:
    """Do each piece of work with one of the methods, and yield its item with the result, in the order of the work.

    With one method nothing runs in a thread. What a piece of work raises is raised in its turn.
    """
    if len(methods) == 1:
        for item, piece in work:
            yield item, piece(methods[0])
        return
    # Threads share the switches for exact float32; so they are set here, before and after all threads.
    with exact_float32(), ThreadPoolExecutor(len(methods), "device") as threads:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for number, (item, piece) in enumerate(work):
            if len(waiting) == len(methods):  # the oldest one has the method that is next
                done, future = waiting.popleft()
                yield done, future.result()
            waiting.append((item, threads.submit(piece, methods[number % len(methods)])))
        for done, future in waiting:
            yield done, future.result()
