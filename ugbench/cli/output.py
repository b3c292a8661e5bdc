"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from ugbench.file_names import to_json
from ugbench.progress.lines import duration as duration
from ugbench.progress.lines import log as log
from ugbench.progress.lines import progress_callback as progress_callback
from ugbench.visible import visible, visible_json


class LastingStream:
    """A text stream that drops what it cannot write.

    It is for stderr. If the terminal of a session is gone, nobody reads stderr any more, but a training must still save
    its state and exit with its code.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, or drop it; returns its length."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if it still takes anything."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Messages(logging.Handler):
    """Prints what the library has to say where no `log` function reaches."""

    def emit(self, record: logging.LogRecord) -> None:
        log(record.getMessage())


def show_messages() -> None:
    """Print the messages that the library gives through Python's logging as `log` prints a line."""
    logger = logging.getLogger("ugbench")
    logger.setLevel(logging.INFO)
    logger.handlers = [_Messages()]


def print_json(content: Any) -> None:
    """Print JSON on stdout. Paths become text, pydantic models become their fields.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot hold.
    """
    ascii_only = not (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    print(visible_json(to_json(content, ascii_only, indent=2, allow_nan=False, default=_plain)))


def _plain(item: object) -> Any:
    if isinstance(item, Path):
        return str(item)
    if hasattr(item, "model_dump"):
        return item.model_dump()
    raise TypeError(f"{type(item).__name__} has no JSON form")


def print_rows(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print `format_rows` on stdout."""
    if text := format_rows(header, rows):
        print(text)


def format_rows(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned columns. Lines are never cut or wrapped, so a terminal and a pipe get the same text.

    Numbers are aligned to the right. None is printed as a dash, and True as true, which is how --set takes it. A
    header of empty texts is left out.
    """
    texts = [[_cell_text(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(header, *texts, strict=True)]
    numeric = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    lines = []
    for line in ([list(header)] if any(header) else []) + texts:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _cell_text(cell: object) -> str:
    if cell is None:
        return "-"
    return visible(str(cell).lower() if isinstance(cell, bool) else str(cell))


def file_size(size: int) -> str:
    """Bytes as text for people: "812 kB", "1.6 GB"."""
    for unit, bytes_of_unit in (("GB", 1e9), ("MB", 1e6)):
        if size >= bytes_of_unit:
            number = size / bytes_of_unit
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{size / 1e3:.0f} kB"


def print_result(as_json: bool, content: Any, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print `content` as JSON if `as_json`, else the rows as aligned columns."""
    if as_json:
        print_json(content)
    else:
        print_rows(header, rows)
