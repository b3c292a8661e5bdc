"""Writes JSON and text files, so that a kill or a full disk never leaves half of one, and reads JSON files.

What is read may have come from somebody else: see `ugbench.runs.files` for links and sizes. JSON is nested at most
DEEPEST times, and its numbers are finite, except in the logs of a training.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import PlainValidator

from ugbench.errors import RunError, writing
from ugbench.runs.files import read_text, temporary_of

DEEPEST = 16  # brackets around a value


def _checked_name(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("Input should be a valid string")
    return value


Name = Annotated[str, PlainValidator(_checked_name)]
"""The type of a field that holds a name or a path, also one that is not UTF-8 (see ugbench.file_names)."""


def write_json(file: Path, content: Any) -> None:
    """Write JSON as `write_text` writes text."""
    write_text(file, json.dumps(content, indent=2) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write text to a temporary file beside `file`, flush it to the disk and rename it to `file`.

    Raises:
        DiskError: the system refuses; nothing is left behind and an older `file` stays.
    """
    with writing(file):
        temporary = temporary_of(file)
        try:
            temporary.write_text(text, encoding="utf-8")
            flush_to_disk(temporary)
            temporary.replace(file)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        DiskError: the system refuses.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        FileNotFoundError: there is no such file.
        RunError: the file holds no JSON object, or is refused by `ugbench.runs.files`.
    """
    try:
        return parse_object(read_text(file))
    except ValueError:
        raise RunError(f"{file} is not a JSON object; to fix this, correct or remove it.") from None


def parse_object(text: str, finite: bool = True) -> dict[str, Any]:
    """The JSON object in a text.

    Args:
        finite: refuse NaN and Infinity.
    Raises:
        ValueError: the text is no JSON, no object, is nested too deep, or holds a number that is refused.
    """
    try:
        content = json.loads(text, parse_constant=_refuse, parse_float=_finite) if finite else json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError(f"{type(content).__name__} in the place of an object")
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(content, DEEPEST)
    return content


def _check_depth(content: object, left: int) -> None:
    if not isinstance(content, dict | list):
        return
    if not left:
        raise ValueError("nested too deep")
    for value in content.values() if isinstance(content, dict) else content:
        _check_depth(value, left - 1)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text[:20])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def flush_to_disk(path: Path) -> None:
    """Return only when the content of a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
