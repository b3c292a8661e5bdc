"""The progress line of a training run: losses, speed and time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ugbench.progress.lines import duration, in_notebook, log, notebook_line
from ugbench.training.callbacks import Callbacks
from ugbench.visible import visible

SECONDS_BETWEEN_LINES = 15.0


def losses_by_phase(losses: Mapping[str, float]) -> str:
    """The sum of the loss terms of each phase, as text: "discriminators 1.93  generators 24.1"."""
    sums: dict[str, float] = {}
    for name, value in losses.items():
        phase, slash, _term = name.partition("/")
        if slash and phase not in ("lr", "rho"):
            sums[phase] = sums.get(phase, 0.0) + value
    return "  ".join(f"{phase} {value:.3g}" for phase, value in sums.items())


@contextmanager
def _terminal_line() -> Iterator[Callable[[str], None] | None]:
    """A line at the end of the terminal on stderr; None if that is no terminal."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Live(console=console, transient=True, refresh_per_second=4) as live:
        yield lambda text: live.update(Text(visible(text), no_wrap=True, overflow="ellipsis"))


@contextmanager
def training_progress(title: str) -> Iterator[Callbacks]:
    """Show how training goes: a live line on a terminal or in a notebook, else a line every 15 seconds."""
    began: tuple[float, int] | None = None
    shown = time.monotonic()
    losses_text = ""

    with notebook_line() if in_notebook() else _terminal_line() as update:

        def on_step(step: int, steps: int, losses: Mapping[str, float] | None) -> None:
            nonlocal began, shown, losses_text
            now = time.monotonic()
            if losses is not None:
                losses_text = losses_by_phase(losses)
            # After a step that was not finite, training goes back; the timing then begins again.
            if began is None or step <= began[1]:
                began = (now, step)
                return
            rate = (step - began[1]) / max(now - began[0], 1e-9)
            line = (
                f"{title}  step {step}/{steps}  {rate:.3g} steps/s  {duration((steps - step) / rate)} left  "
                f"{losses_text}"
            )
            if update is not None:
                update(line)
            elif now - shown > SECONDS_BETWEEN_LINES or step == steps:
                shown = now
                log(line)

        yield Callbacks(log=log, on_step=on_step)
