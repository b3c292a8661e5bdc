"""Errors in the words of Python: arguments are named in place of options, and Ctrl-C interrupts."""

from __future__ import annotations

import functools
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import ParamSpec, TypeVar

from ugbench.errors import Stopped, UgbenchError

P = ParamSpec("P")
T = TypeVar("T")

RENAMED: Mapping[str, str] = MappingProxyType(
    {"checkpoint": "step", "input": "images", "metric": "metrics", "run": "runs"}
)
"""Arguments whose names differ from those of their options, by option."""
_PAIR = re.compile(r"--(weights|set) ([\w.-]+)=([^\s,;:)]*[^\s,;:).])")
_OPTION = re.compile(r"--([a-z][a-z-]*)")


def argument_names(text: str) -> str:
    """A message of the command line with arguments in the place of options; commands in backticks stay as they are.

    >>> argument_names("--batch-size 0: give --weights inception=FILE; see `ugbench train --help`.")
    'batch_size 0: give weights={"inception": FILE}; see `ugbench train --help`.'
    """
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        part = _PAIR.sub(r'\1={"\2": \3}', parts[place])
        parts[place] = _OPTION.sub(lambda match: RENAMED.get(match[1], match[1].replace("-", "_")), part)
    return "`".join(parts)


def with_argument_names(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, whose UgbenchErrors name arguments in place of options; the types of the errors stay."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except UgbenchError as error:
            error.args = tuple(argument_names(part) if isinstance(part, str) else part for part in error.args)
            raise

    return call


@contextmanager
def interrupts_of_python() -> Iterator[None]:
    """A block in which a training that SIGINT stops raises KeyboardInterrupt, as Python does, after it has saved."""
    try:
        yield
    except Stopped as stopped:
        if stopped.signal == signal.SIGINT:
            raise KeyboardInterrupt(str(stopped).replace("the same command", "the same call")) from None
        raise
