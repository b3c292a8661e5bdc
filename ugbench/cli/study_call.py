"""How `compare` or `ablate` was called: the groups of options that both have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from ugbench.cli.machine_options import MachineOptions
from ugbench.cli.options import PlaceOptions, StudyOptions
from ugbench.cli.scoring_options import ScoringOptions
from ugbench.cli.training_options import ExecutionOptions
from ugbench.cli.watch_options import WatchOptions


@dataclass(frozen=True, kw_only=True)
class StudyCall:
    """The options of a call.

    Attributes:
        as_json: value of --json.
        file: value of --study; None for a study that the options declare.
        context: of the command, which knows the options that were given.
    """

    options: StudyOptions
    execution: ExecutionOptions
    machines: MachineOptions
    scoring: ScoringOptions
    watch: WatchOptions
    place: PlaceOptions
    as_json: bool
    file: Path | None
    context: typer.Context
