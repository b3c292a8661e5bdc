"""The batches of a run whose images stay on disk: processes read the images of the next steps while a step computes.

Each batch is a pure function of its step (`ugbench.data.batches`). So the data set of torch's DataLoader is a map from
steps to batches, and the number of processes changes no bit.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ugbench.data.batches import Batches
from ugbench.data.images import UnreadableImage
from ugbench.errors import UgbenchError
from ugbench.method import Batch
from ugbench.training.image_place import STEPS_AHEAD
from ugbench.training.signals import STOP_SIGNALS

_SIGNAL_OF_PARENT = 1  # PR_SET_PDEATHSIG of Linux: the signal that a process gets when the one that forked it ends


class ReadAhead:
    """Batches of which processes read the images ahead; without processes they are read when they are asked for.

    Steps may be asked for in any order. Processes start at the first step, and again where a step is not the one after
    the last. Close it to end them.
    """

    def __init__(self, batches: Batches, readers: int) -> None:
        self._batches, self._readers = batches, readers
        self._ahead: Iterator[Any] | None = None
        self._next_step = 0

    def at(self, step: int) -> Batch:
        """The batch of a step.

        Raises:
            UnreadableImage: an image of the batch cannot be read.
            UgbenchError: a process that reads ahead has ended, or could not be started.
        """
        if self._readers == 0:
            return self._batches.at(step)
        if self._ahead is None or step != self._next_step:
            self.close()
            self._ahead = self._start(step)
        crops = self._take()
        if isinstance(crops, UnreadableImage):
            self.close()
            raise crops
        self._next_step = step + 1
        return self._batches.batch(step, crops)

    def error_of(self, step: int) -> UnreadableImage | None:
        """The error for an image that cannot be read, of all images of the whole batch of a step; None if all can."""
        try:
            self._batches.crops(step, slice(None))
        except UnreadableImage as error:
            return error
        return None

    def close(self) -> None:
        """End the processes."""
        self._ahead = None  # torch ends them when nothing refers to its iterator any more

    def _start(self, step: int) -> Iterator[Any]:
        """Processes that read the batches from a step on, in order."""
        loader = DataLoader(
            _Crops(self._batches),
            batch_size=None,
            sampler=count(step),
            num_workers=self._readers,
            prefetch_factor=STEPS_AHEAD,
            worker_init_fn=_begin_reader,
            # A script would need a guard around its main part for any other way. Readers only decode files and use
            # tensors of the CPU, on one thread, so that neither CUDA nor the threads of this process matter to them.
            multiprocessing_context="fork",
            # Else torch would draw a seed from its default generator, and move it.
            generator=torch.Generator(),
        )
        with _handler_of_children_kept(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork beside threads
            try:
                return iter(loader)
            except OSError as error:
                raise UgbenchError(
                    f"no process could be started to read images ({error.strerror}); free memory, or end "
                    "other programs."
                ) from error

    def _take(self) -> Any:
        assert self._ahead is not None
        try:
            return next(self._ahead)
        except (RuntimeError, OSError, EOFError) as error:
            if not _is_end_of_reader(error):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        # Raised here, where no traceback refers to torch's iterator, so that the other processes end now.
        self.close()
        raise UgbenchError(
            f"a process that reads images has ended ({reason}), perhaps because memory was short; run the same command "
            "again to go on."
        )


class _Crops(Dataset[dict[str, Tensor] | UnreadableImage]):
    """The crops of each step, or the error for an image of it that cannot be read."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __getitem__(self, step: int) -> dict[str, Tensor] | UnreadableImage:
        try:
            return self._batches.crops(step)
        except UnreadableImage as error:  # raised here, torch would add a traceback to its message
            return error


def _is_end_of_reader(error: Exception) -> bool:
    """Whether an error of torch's iterator means that a process has ended, and not that one has raised an error."""
    if "in DataLoader worker process" in str(error):  # raised there
        return False
    if isinstance(error, RuntimeError):
        return "DataLoader worker (pid" in str(error)
    # A process that is being killed has closed its connection, through which a batch was to come, and still counts as
    # alive for torch.
    return isinstance(error, ConnectionError | EOFError | FileNotFoundError)


def _begin_reader(_number: int) -> None:
    """Called in each new process: the training alone answers to signals, and its readers end with it.

    A terminal sends Ctrl-C to readers too. SIGTERM still ends them, because torch ends those with it that hang.
    """
    for number in STOP_SIGNALS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    # A reader that outlived a killed training would hold the lock of its run.
    ctypes.CDLL(None).prctl(_SIGNAL_OF_PARENT, signal.SIGKILL)


@contextmanager
def _handler_of_children_kept() -> Iterator[None]:
    """Take back the handler of SIGCHLD that torch sets.

    It raises an error at any place in the program as soon as a process of a DataLoader has ended, also within a step or
    a save. Without it, torch finds out while it waits for a batch, within five seconds.
    """
    if threading.current_thread() is not threading.main_thread():  # there torch sets none
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)
