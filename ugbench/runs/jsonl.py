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
from ugbench.runs.json_file import make_folder, write_text

T = TypeVar("T")


def append(file: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Add one line for each record. The file and its folders are made if they are missing; no records, no file.

    Raises:
        DiskError: the system refuses; the file has the lines that it had before.
    """
    lines = "".join(json.dumps(record) + "\n" for record in records)
    if not lines:
        return
    make_folder(file.parent)
    with writing(file), _whole_or_as_before(file), file.open("a", encoding="utf-8") as stream:
        stream.write(lines)


def read(file: Path, parse: Callable[[dict[str, Any]], T], content: str, skip_unfinished: bool = False) -> Iterator[T]:
    """The records of a file, oldest first; none if the file does not exist.

    Args:
        parse: makes a record from the object of a line; raises ValueError, TypeError, KeyError or AttributeError if
            the object is something else.
        content: what a line holds, for the error, such as "score record".
        skip_unfinished: leave out a last line without a line end, which a training run is still writing.
    Raises:
        RunError: a line holds something else; the message names the file and the line.
    """
    if not file.exists():
        return
    for number, line in enumerate(_lines(file), 1):
        if skip_unfinished and not line.endswith("\n"):
            return
        try:
            record = parse(dict(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError):  # pydantic's and json's errors are ValueErrors
            raise RunError(f"{file}, line {number} is no {content}; to fix this, remove that line.") from None
        yield record


def cut_back(file: Path, step: int) -> None:
    """Remove the lines of later steps than `step`, and a last line that a kill left unfinished."""
    if file.exists():
        lines = takewhile(
            lambda line: line.endswith("\n") and _fulfils(line, lambda fields: fields["step"] <= step), _lines(file)
        )
        write_text(file, "".join(lines))


def remove(file: Path, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Remove the lines whose object fulfils the condition; lines that cannot be read stay as they are."""
    if file.exists():
        lines = _lines(file)
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


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines(keepends=True)


def _fulfils(line: str, condition: Callable[[dict[str, Any]], bool]) -> bool:
    try:
        return condition(dict(json.loads(line)))
    except (ValueError, TypeError, KeyError):
        return False
