"""Lines for the person who waits: messages on stderr, and one line that changes while work goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ugbench.visible import visible

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

SECONDS_BETWEEN_UPDATES = 0.25  # of a line in a notebook; each update is a message to it

Progress = Callable[[int, int], None]


def log(text: str) -> None:
    """Print a line for the person who waits: on stderr, or on stdout in a notebook, which shows stderr as errors."""
    print(visible(text, keep="\n"), file=sys.stdout if in_notebook() else sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as text for people: "42 s", "7 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


@contextmanager
def notebook_line() -> Iterator[Callable[[str], None]]:
    """A line in the output of a notebook's cell; the yielded function replaces its text. It is empty at the end."""
    from IPython.display import display

    handle: Any = None
    shown = 0.0

    def update(text: str) -> None:
        nonlocal handle, shown
        if handle is None:
            handle = display({"text/plain": visible(text)}, raw=True, display_id=True)
        elif time.monotonic() - shown >= SECONDS_BETWEEN_UPDATES:
            handle.update({"text/plain": visible(text)}, raw=True)
        else:
            return
        shown = time.monotonic()

    try:
        yield update
    finally:
        if handle is not None:
            handle.update({"text/plain": ""}, raw=True)


@contextmanager
def terminal_bar(description: str, count: ProgressColumn) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar while the block runs, if stderr is a terminal; the yielded function takes (done, total).

    Args:
        count: the column that says how much is done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), count, TimeRemainingColumn())
    # By default rich sends prints inside the block to its own console, so JSON would go to stderr.
    progress = Progress(
        *columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal
    )
    with progress:
        task = progress.add_task(visible(description), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def progress_callback(description: str) -> Iterator[Progress]:
    """Show a progress bar while the block runs; the yielded function takes (done, total).

    It is a bar on stderr if that is a terminal, and a line in the cell's output in a notebook. Elsewhere nothing is
    drawn.
    """
    if in_notebook():
        with notebook_line() as update:
            yield lambda done, total: update(f"{description} {done}/{total}")
        return
    from rich.progress import MofNCompleteColumn

    with terminal_bar(description, MofNCompleteColumn()) as update:
        yield update
