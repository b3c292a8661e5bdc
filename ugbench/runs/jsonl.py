"""JSON lines: files with one JSON object per line, to which lines are only added (scores, differences, logs)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from ugbench.errors import RunError, writing
from ugbench.runs.files import append_text, is_file, read_lines
from ugbench.runs.json_file import make_folder, parse_object, write_text

T = TypeVar("T")
LARGEST = 3.4e38  # about the largest number of float32


def append(file: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Add one line for each record. The file and its folders are made if they are missing, unless there are no records.

    Raises:
        DiskError: the system refuses; the file has the lines that it had before.
    """
    lines = "".join(json.dumps(record) + "\n" for record in records)
    if not lines:
        return
    make_folder(file.parent)
    with writing(file), _whole_or_as_before(file):
        append_text(file, lines)


def read(file: Path, parse: Callable[[dict[str, Any]], T], content: str, skip_unfinished: bool = False) -> Iterator[T]:
    """The records of a file, oldest first; none if the file does not exist.

    Args:
        parse: makes a record from the object of a line; raises ValueError, TypeError, KeyError, AttributeError or
            OverflowError if the object is something else.
        content: what a line holds, for the error, such as "score record".
        skip_unfinished: leave out a last line without a line end, which a training run is still writing.
    Raises:
        RunError: a line holds something else; the message names the file and the line.
    """
    if not is_file(file):
        return
    for number, line in enumerate(read_lines(file), 1):
        if skip_unfinished and not line.endswith("\n"):
            return
        try:
            record = parse(parse_object(line, finite=False))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):  # pydantic's errors are ValueErrors
            raise RunError(f"{file}, line {number} is no {content}; to fix this, remove that line.") from None
        yield record


def check_numbers(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record, if each number among them is finite and not larger than float32 can hold.

    So sums and squares of numbers of several records do not overflow.

    Raises:
        ValueError: a number is not.
    """
    for name, value in fields.items():
        if type(value) in (int, float) and not abs(value) <= LARGEST:  # true for NaN too
            raise ValueError(f"{name} is not finite, or too large")
    return fields


def cut_back(file: Path, step: int) -> None:
    """Remove the lines of later steps than `step`, and a last line that a kill left unfinished."""
    if is_file(file):
        lines = takewhile(
            lambda line: line.endswith("\n") and _fulfils(line, lambda fields: fields["step"] <= step), read_lines(file)
        )
        write_text(file, "".join(lines))


def remove(file: Path, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Remove the lines whose object fulfils the condition; lines that cannot be read stay as they are."""
    if is_file(file):
        lines = list(read_lines(file))
        remaining = [line for line in lines if not _fulfils(line, condition)]
        if len(remaining) < len(lines):
            write_text(file, "".join(remaining))


@contextmanager
def _whole_or_as_before(file: Path) -> Iterator[None]:
    """If the system refuses a part of what the block adds to the file, the other part is removed again."""
    size = file.stat().st_size if file.is_file() else 0
    try:
        yield
    except OSError:
        if file.is_file():
            os.truncate(file, size)
        raise


def _fulfils(line: str, condition: Callable[[dict[str, Any]], bool]) -> bool:
    try:
        return condition(parse_object(line, finite=False))
    except (ValueError, TypeError, KeyError):
        return False
