"""Consent to downloads: given beforehand by --download or UGBENCH_DOWNLOAD, or asked for on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ugbench.progress.lines import terminal_bar
from ugbench.visible import visible

AllowDownload = Annotated[
    bool,
    typer.Option(
        "--download", envvar="UGBENCH_DOWNLOAD", help="Download what is missing without asking; 1 in the variable."
    ),
]


def may_download(question: Callable[[], str], allowed: bool, as_json: bool = False) -> bool:
    """Whether the user consents to a download.

    Args:
        question: makes "download 91 MB of weights from https://…?" if somebody can be asked; it is asked on stderr, and
            the answer is no by default.
        allowed: value of --download.
        as_json: value of --json; a script that reads JSON is never asked.
    Returns:
        True if --download was given or the answer is yes; False also where nobody can be asked.
    """
    if allowed:
        return True
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    # typer.confirm writes a space on stdout, which may be read by another program.
    print(f"{visible(question())} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def download_progress(description: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show the progress of a download on stderr while the block runs; the yielded function takes (bytes done, total).

    Nothing is drawn where stderr is not a terminal.
    """
    from rich.progress import DownloadColumn

    with terminal_bar(description, DownloadColumn()) as update:
        yield update
