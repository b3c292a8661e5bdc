"""The batches of a run, prepared while the steps before them compute.

Each batch is a pure function of its step (`ugbench.data.batches`), so reading ahead changes no bit. A thread draws the
random numbers of the next steps, and cuts their crops where the images are in the memory of the machine. Images that
stay on the disk are read by processes: the data set of torch's DataLoader is a map from steps to crops.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ugbench.data.batches import Batches, pinned_for
from ugbench.data.images import UnreadableImage
from ugbench.errors import UgbenchError
from ugbench.method import Batch
from ugbench.training.computed_ahead import ComputedAhead
from ugbench.training.image_place import STEPS_AHEAD
from ugbench.training.signals import STOP_SIGNALS

_Prepared = tuple[Mapping[str, Tensor], Mapping[str, Tensor]]
"""The crops of a step, empty if they come from elsewhere, and its draws."""

_SIGNAL_OF_PARENT = 1  # PR_SET_PDEATHSIG of Linux: the signal that a process gets when the one that forked it ends


class ReadAhead:
    """Batches that are prepared ahead, by a thread and, where images are read from the disk, by processes.

    Steps may be asked for in any order. The thread and the processes start at the first step, and start again at each
    step that does not follow the step before. Close it to end them.
    """

    def __init__(self, batches: Batches, readers: int = 0) -> None:
        """Nothing starts yet.

        Args:
            readers: processes that read images; with 0 the thread reads them.
        """
        self._batches, self._readers = batches, readers
        self._read: Iterator[Any] | None = None
        self._prepared: ComputedAhead[_Prepared] | None = None
        self._next_step = 0

    def at(self, step: int) -> Batch:
        """The batch of a step.

        Raises:
            UnreadableImage: an image of the batch cannot be read.
            UgbenchError: a process that reads ahead has ended, or a process or the thread could not be started.
        """
        if self._prepared is None or step != self._next_step:
            self.close()
            # Processes first: a thread may hold a lock, which would stay locked for ever in a process that is forked.
            self._read = self._start(step) if self._readers else None
            self._prepared = ComputedAhead(self._prepare, step, STEPS_AHEAD)
        try:
            crops, drawn = self._prepared.take()
            if self._read is not None:
                crops = self._take()
            elif not self._batches.are_cut_on_host:
                crops = self._batches.crops(step)
        except BaseException:  # the thread may now be one step further than this object
            self.close()
            raise
        self._next_step = step + 1
        return self._batches.batch(step, crops, drawn)

    def error_of(self, step: int) -> UnreadableImage | None:
        """The error for an image that cannot be read, of all images of the whole batch of a step; None if all can."""
        try:
            self._batches.crops(step, slice(None))
        except UnreadableImage as error:
            return error
        return None

    def close(self) -> None:
        """End the processes and the thread."""
        self._read = None  # torch ends them when nothing refers to its iterator any more
        if self._prepared is not None:
            self._prepared.close()
            self._prepared = None

    def _prepare(self, step: int) -> _Prepared:
        """In the thread: the crops of a step, unless they come from elsewhere, and its draws."""
        batches, crops = self._batches, dict[str, Tensor]()
        if self._readers == 0 and batches.are_cut_on_host:
            crops = {name: pinned_for(batches.device, crop) for name, crop in batches.crops(step).items()}
        return crops, batches.drawn(step)

    def _start(self, step: int) -> Iterator[Any]:
        """Processes that read the batches from a step on, in order."""
        loader = DataLoader(
            _Crops(self._batches),
            batch_size=None,
            sampler=count(step),
            num_workers=self._readers,
            prefetch_factor=STEPS_AHEAD,
            worker_init_fn=_begin_reader,
            # With any other start method, a script would need a guard around its main part. Readers only decode files
            # and use tensors of the CPU, on one thread, so CUDA and the threads of this process do not affect them.
            multiprocessing_context="fork",
            # Otherwise torch would draw a seed from its default generator, and so change its state.
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

    def _take(self) -> dict[str, Tensor]:
        """The crops of the next step, from the processes."""
        assert self._read is not None
        crops: dict[str, Tensor] | UnreadableImage
        try:
            crops = next(self._read)
        except (RuntimeError, OSError, EOFError) as error:
            if not _is_end_of_reader(error):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        else:
            if isinstance(crops, UnreadableImage):
                raise crops
            return crops
        # Raised here, where no traceback refers to torch's iterator, so that the other processes end now.
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
    if "in DataLoader worker process" in str(error):  # an error that a process has raised
        return False
    if isinstance(error, RuntimeError):
        return "DataLoader worker (pid" in str(error)
    # A process that is being killed has closed the connection through which its batch should come, but torch still
    # counts it as alive.
    return isinstance(error, ConnectionError | EOFError | FileNotFoundError)


def _begin_reader(_number: int) -> None:
    """Called in each new process: the training alone answers to signals, and its readers end with it.

    A terminal sends Ctrl-C to readers too. SIGTERM still ends them, because torch uses it to end readers that hang.
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
