"""Reading images ahead of a network, and writing images behind it, in threads.

Pillow decodes, resizes and encodes without Python's lock, and so do networks compute; in threads these run at once.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_THREADS = 8
"""More do not keep Python's lock free for the network's own thread."""


def core_count() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count() -> int:
    """How many threads read or write images: one for each core, up to a limit."""
    return min(MOST_THREADS, core_count())


@contextmanager
def read_ahead(read: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Iterator[Result]]:
    """Give an iterator over `read(item)` of each item, in their order; after the block nothing is read any more.

    What `read` raises is raised here, in the place of that item; the items before it have been yielded.

    Args:
        read: called in threads.
        ahead: the most results that wait at a time, besides those that are being read.
    """
    waiting: deque[Future[Result]] = deque()

    def results(pool: ThreadPoolExecutor) -> Iterator[Result]:
        for item in items:
            waiting.append(pool.submit(read, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    with ThreadPoolExecutor(thread_count(), "read") as pool:
        try:
            yield results(pool)
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def write_behind(behind: int) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Give a function that does a job, such as writing a file, in a thread while the caller goes on.

    When the block has ended, also by an error, all jobs are done. What a job raises is raised by a later call, or at
    the end of the block.

    Args:
        behind: the most jobs that wait at a time; the next call waits for the oldest one.
    """
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(thread_count(), "write") as pool:

        def submit(job: Callable[[], None]) -> None:
            waiting.append(pool.submit(job))
            while len(waiting) > behind or (waiting and waiting[0].done()):
                waiting.popleft().result()

        yield submit
        while waiting:
            waiting.popleft().result()
