"""Signals that ask a training to stop: from the keyboard, from a dropped session, and from schedulers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from ugbench.errors import Stopped

# Ctrl-C; the end of a service or a job; the end of a session; and what schedulers send some time before the end of a
# job. Not every platform has the last three.
STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)
)
# A second signal of these kinds has its usual effect, so that a person can end what does not stop by itself. The
# others often come twice: a terminal that closes sends SIGHUP, and so does its shell.
INSISTENT = (signal.SIGINT, signal.SIGTERM)


@dataclass
class StopRequest:
    """Whether a signal asked to stop; training checks it before each step.

    Attributes:
        signal: the number of the first signal that did; None while there was none.
    """

    signal: int | None = None

    @property
    def requested(self) -> bool:
        """Whether there was such a signal."""
        return self.signal is not None


@contextmanager
def stop_on_signals(*numbers: int, insist: bool = True) -> Iterator[StopRequest]:
    """A request that these signals set, by default all of STOP_SIGNALS.

    A second SIGINT or SIGTERM has its usual effect, unless `insist` is False: a scheduler and torchrun may both send
    one to each of several ranks, and torchrun itself ends those that take too long.

    A SIGHUP, SIGUSR1 or SIGUSR2 that was ignored when the process started (as with `nohup`) stays ignored. Outside the
    main thread, where Python delivers no signals, the request is never set.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in numbers or STOP_SIGNALS}
    ignored = [n for n, handler in before.items() if handler is signal.SIG_IGN and n not in INSISTENT]
    for number in ignored:
        del before[number]

    def ask(number: int, _frame: FrameType | None) -> None:
        request.signal = number if request.signal is None else request.signal
        if number in INSISTENT and insist:
            signal.signal(number, before[number])

    for number in before:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_at_once_on_signals() -> Iterator[None]:
    """Leave the block as soon as a signal of STOP_SIGNALS arrives, for work that has nothing to save.

    Raises:
        Stopped: a signal arrived.
    """

    number_of_signal: int | None = None

    def leave(number: int, _frame: FrameType | None) -> None:
        nonlocal number_of_signal
        number_of_signal = number
        raise KeyboardInterrupt  # code that catches every Exception, as the readers of images do, does not catch it

    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS} if main else {}
    before = {n: handler for n, handler in before.items() if handler is not signal.SIG_IGN or n in INSISTENT}
    for number in before:
        signal.signal(number, leave)
    try:
        yield
    except KeyboardInterrupt:
        message = "stopped before the first step; run the same command again to train."
        raise Stopped(message, signal=number_of_signal) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
