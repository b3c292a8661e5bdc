"""What a function gives for the next steps, computed in a thread while the steps before them train."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from ugbench.errors import UgbenchError

Value = TypeVar("Value")


class ComputedAhead(Generic[Value]):
    """The values of a function at consecutive steps, in order. Close it to end the thread.

    The function holds Python's global lock, except in what releases it: PyTorch's random numbers, copies and Pillow.
    """

    def __init__(self, function: Callable[[int], Value], first_step: int, ahead: int) -> None:
        """Start the thread.

        Args:
            function: called with a step, in the thread, in the order of the steps.
            ahead: the most values that wait for `take`.
        Raises:
            UgbenchError: the system refuses a thread.
        """
        self._function, self._next_step = function, first_step
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._waiting: deque[Future[Value]] = deque()
        try:
            for _ in range(ahead):
                self._begin_next()
        except RuntimeError as error:
            raise UgbenchError(
                f"no thread could be started to prepare batches ({error}); end other programs, or raise the limit of "
                "processes (ulimit -u)."
            ) from error

    def take(self) -> Value:
        """The value of the next step; the thread is given one more step to compute.

        What the function raised for the step is raised here.
        """
        future = self._waiting.popleft()
        self._begin_next()
        return future.result()

    def close(self) -> None:
        """End the thread after the value that it is computing."""
        self._thread.shutdown(cancel_futures=True)
        self._waiting.clear()

    def _begin_next(self) -> None:
        self._waiting.append(self._thread.submit(self._function, self._next_step))
        self._next_step += 1
