"""What goes wrong in ways a user can cause or mend: each becomes one sentence and an exit code.

    UgbenchError            1   the work failed
    ├── NonFiniteLoss       1   training met NaN or Inf; the last finite state is kept
    ├── Stopped             75  stopped and saved; the same command goes on
    └── UsageError          2   the call, or a file that it names, is wrong
        ├── UnknownName     2   no such method, metric, data set …; names a near one
        ├── ConfigError     2   a config field that does not exist or cannot have this value
        ├── DataError       2   an image, a folder or a data set
        ├── NoSuchScore     2   a data set or run can have none of the metrics asked for
        ├── RunError        2   a run's folder or one of its files
        └── WeightsError    2   a file of network weights, or the lack of one

A message is one sentence: what was found where (file, option, key), and the mend.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class UgbenchError(Exception):
    """Base of all errors that the command line prints as one sentence."""

    exit_code = 1


class NonFiniteLoss(UgbenchError):
    """A loss or a gradient became NaN or Inf."""


class Stopped(UgbenchError):
    """Stopped by a signal after saving; the same command goes on from there."""

    exit_code = 75


class UsageError(UgbenchError):
    """The call, or a file that it names, is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A config field that does not exist or cannot have the given value."""


class DataError(UsageError):
    """An image, a folder or a data set is missing or unreadable."""


class NoSuchScore(UsageError):
    """A data set, or a run, can have none of the metrics that were asked for.

    Attributes:
        metric, reason: the first of them, and why there is none.
    """

    def __init__(self, metric: str, reason: str) -> None:
        super().__init__(f"--metric {metric}: {reason}; name another metric.")
        self.metric, self.reason = metric, reason


class RunError(UsageError):
    """A run's folder, or a file in it, is missing, damaged or of another kind."""


class WeightsError(UsageError):
    """A weights file is missing, refused, or does not fit the network."""


class UnknownName(UsageError):
    """No `kind` (method, metric, variant …) has this name; the message names a near one.

    >>> str(UnknownName("method", "ugatti", ["ugatit", "cyclegan"]))
    "no method is called 'ugatti'; did you mean 'ugatit'? Known: cyclegan, ugatit."
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        super().__init__(f"no {kind} is called '{name}'{hint} Known: {', '.join(names) or 'none'}.")


def first_fault(error: ValidationError) -> str:
    """What is wrong with the first field that a model refuses: "size: 'x' was given; Input should be …", no stop."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "config"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{where}: {reason}" if first["type"] == "missing" else f"{where}: {first['input']!r} was given; {reason}"
