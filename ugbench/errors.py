"""Errors that a user can cause or fix. The command line prints each as one sentence and exits with its code.

    UgbenchError            1   the work failed
    ├── NonFiniteLoss       1   training met NaN or Inf; the last finite state is kept
    ├── CaptureRefused      1   a training step cannot be recorded and replayed
    ├── NotLoadable         1   an installed method, metric, extractor, figure or tracker cannot be used
    ├── DiskError           1   the system refuses to write a file or a folder
    ├── DownloadError       1   a file could not be downloaded, or could not be stored
    ├── Stopped             75  training was stopped and saved; the same command continues it
    ├── RankError           *   one of several processes that work together has ended; all end with its code
    └── UsageError          2   the command, or a file that it names, is wrong
        ├── UnknownName     2   no method, metric, data set or other thing has this name; suggests a similar name
        ├── ConfigError     2   a config field that does not exist or cannot have this value
        ├── DataError       2   an image, a folder or a data set
        ├── NoSuchScore     2   a requested metric is not defined for this data set or run
        ├── NoSuchDevice    2   this machine has no such device
        ├── RunError        2   a run's folder or one of its files
        │   └── StaleOutputs 2  outputs that were made from other images than the data set has now
        └── WeightsError    2   a file of network weights is missing or wrong
            └── MissingWeights 2  no file of a network's weights was given or found

A message is one sentence: what was found where (file, option, key), and how to fix it.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ugbench.image_size import is_size, size_text

if TYPE_CHECKING:
    from pydantic import ValidationError


class UgbenchError(Exception):
    """Base class of the errors that the command line prints as one sentence."""

    exit_code = 1


class NonFiniteLoss(UgbenchError):
    """A loss or a gradient became NaN or Inf."""


class CaptureRefused(UgbenchError):
    """A training step cannot be recorded and replayed."""


class NotLoadable(UgbenchError):
    """A method, metric, extractor, figure or tracker (`kind`) is installed, and its module cannot be used.

    >>> str(NotLoadable("method", "cut", "its entry point names cut.model, which cannot be found"))[:60]
    'the method cut cannot be loaded (its entry point names cut.m'
    """

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(f"the {kind} {name} cannot be loaded ({reason}); correct or uninstall its package.")


class DiskError(UgbenchError):
    """The system refuses to write a file or a folder: no space, no permission, no such place, or a broken disk."""

    def __init__(self, path: Path, error: Exception) -> None:
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
        super().__init__(
            f"{path} could not be written ({reason}); free space on its disk, allow writing there, or name another "
            "place."
        )


class DownloadError(UgbenchError):
    """A file could not be downloaded, or the disk refused it; nothing is left under its name."""


class DiskErrors:
    """Errors of the disk after which work went on.

    Attributes:
        errors: the errors, oldest first.
    """

    def __init__(self) -> None:
        self.errors: list[DiskError] = []

    @contextmanager
    def keep(self) -> Iterator[None]:
        """A block that a DiskError ends. The error is kept, once, and the work after the block goes on."""
        try:
            yield
        except DiskError as error:
            if str(error) not in map(str, self.errors):
                self.errors.append(error)

    def raise_first(self, log: Callable[[str], None]) -> None:
        """Raise the first of the errors, if there is one, after the others were given to `log`."""
        for error in self.errors[1:]:
            log(str(error))
        if self.errors:
            raise self.errors[0]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block that writes `path`.

    Raises:
        DiskError: the system refused something in the block.
    """
    try:
        yield
    except OSError as error:
        raise DiskError(path, error) from error


class Stopped(UgbenchError):
    """Training was stopped by a signal and saved; the same command continues it.

    Attributes:
        resumed_from: the step of the checkpoint that the training began with; None if it began at step 0.
        signal: the number of the signal; None where it is not known.
    """

    exit_code = 75

    def __init__(self, message: str, resumed_from: int | None = None, signal: int | None = None) -> None:
        super().__init__(message)
        self.resumed_from, self.signal = resumed_from, signal


class RankError(UgbenchError):
    """One of several processes that work together, the ranks, has ended, and so do the others.

    Attributes:
        exit_code: that of the rank that has ended first.
        is_said: whether that rank says why, so that this rank need not say it.
    """

    def __init__(self, exit_code: int, message: str | None = None) -> None:
        super().__init__(message or "another of the processes that work together has ended, and says why.")
        self.exit_code, self.is_said = exit_code, message is None


class UsageError(UgbenchError):
    """The command, or a file that it names, is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A config field that does not exist or cannot have the given value."""


class DataError(UsageError):
    """An image, a folder or a data set is missing or unreadable."""


class NoSuchDevice(UsageError):
    """This machine has no such device."""


class NoSuchScore(UsageError):
    """None of the requested metrics is defined for the data set or the run.

    Attributes:
        metric: the first of the requested metrics.
        reason: why it is not defined.
    """

    def __init__(self, metric: str, reason: str) -> None:
        super().__init__(f"--metric {metric}: {reason}; name another metric.")
        self.metric, self.reason = metric, reason


class RunError(UsageError):
    """The folder of a run, or a file in it, is missing, damaged or not what it should be."""


class StaleOutputs(RunError):
    """The outputs of a run were made from other images than the data set has now."""


class WeightsError(UsageError):
    """A file of network weights is missing, is refused as unsafe, or does not fit the network."""


class MissingWeights(WeightsError):
    """There is no file of a network's weights: none was given, and none is found."""


class UnknownName(UsageError):
    """No method, metric, variant or other `kind` of thing has this name; the message suggests a similar name.

    >>> str(UnknownName("method", "ugatti", ["ugatit", "cyclegan"]))
    "no method is called 'ugatti'; did you mean 'ugatit'? Known: cyclegan, ugatit."
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        by_folded = {known_name.casefold(): known_name for known_name in names}
        similar = difflib.get_close_matches(name.casefold(), by_folded, n=1)
        hint = f"; did you mean '{by_folded[similar[0]]}'?" if similar else "."
        super().__init__(f"no {kind} is called '{name}'{hint} Known: {', '.join(names) or 'none'}.")


def first_fault(error: ValidationError) -> str:
    """The first error of a pydantic model, without a full stop: "size: 'x' was given; Input should be …"."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "config"
    reason = first["msg"].removeprefix("Value error, ")
    given = reprlib.repr(first["input"])  # cut short: what was given may fill a file
    if first["loc"] == ("size",) and isinstance(first["input"], tuple) and is_size(first["input"]):
        given = size_text(first["input"])
    return f"{where[:80]}: {reason}" if first["type"] == "missing" else f"{where[:80]}: {given} was given; {reason}"
