"""The options that show a training in trackers, and score it, while it runs: `--track` and `--eval-every`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from ugbench import registry
from ugbench.cli.command import names_of
from ugbench.cli.parse import split_list
from ugbench.tracker import Tracker


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """Where a training is shown besides TensorBoard, and how often it is scored; no part of a run's id."""

    track: Annotated[
        list[str] | None,
        Option("--track", metavar="NAME", help=f"Show the training here too: {names_of('trackers')}; repeatable."),
    ] = None
    eval_every: Annotated[
        int | None,
        Option(
            "--eval-every",
            metavar="N",
            min=1,
            help="Save and score the run every N steps and at the end: KID, as `ugbench eval` computes it.",
        ),
    ] = None

    @property
    def names(self) -> list[str]:
        """The names of the trackers, each once."""
        return split_list(self.track, "--track")

    def trackers(self) -> dict[str, Tracker]:
        """The trackers by name; raises as `ugbench.registry.usable_trackers`."""
        return registry.usable_trackers(self.names)
