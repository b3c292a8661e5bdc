"""Writes a file that a user has named, so that an error leaves the older file as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ugbench.errors import writing
from ugbench.runs.json_file import flush_to_disk


@contextmanager
def output_file(file: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `file` when the block ends without an error.

    Folders above `file` are made. A link is followed, and a device or a pipe is written to directly.

    Raises:
        DiskError: the system refuses; an older `file` stays.
    """
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not (file.is_file() and file.resolve().is_file()):
            yield file
            return
        target = file.resolve()
        temporary = target.with_name(f".{os.getpid()}.{target.name}")  # with the suffix, which may decide the format
        try:
            yield temporary
            flush_to_disk(temporary)
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def write_output(file: Path, text: str) -> None:
    """Write a text in UTF-8 as `output_file` does."""
    with output_file(file) as path:
        path.write_text(text, encoding="utf-8", newline="\n")
