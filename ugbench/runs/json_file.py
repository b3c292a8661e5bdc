"""Writes JSON and text files, so that a kill or a full disk never leaves half of one, and reads JSON files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ugbench.errors import RunError, writing


def write_json(file: Path, content: Any) -> None:
    """Write JSON as `write_text` writes text."""
    write_text(file, json.dumps(content, indent=2) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write text to a temporary file beside `file`, flush it to the disk and rename it to `file`.

    Raises:
        DiskError: the system refuses; nothing is left behind and an older `file` stays.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with writing(file):
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
        RunError: the file holds no JSON object.
    """
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise RunError(f"{file} is not a JSON object; to fix this, correct or remove it.") from None


def flush_to_disk(path: Path) -> None:
    """Return only when the content of a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
