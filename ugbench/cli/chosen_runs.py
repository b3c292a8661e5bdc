"""The runs that a command reads: all that can be read, or those of `--where`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ugbench.cli.output import log

if TYPE_CHECKING:
    from ugbench.runs.run import Run


def readable_runs(results: Path, conditions: Mapping[str, str] | None = None) -> list[Run]:
    """The runs under a results folder, with a line on stderr for each that cannot be read.

    Args:
        conditions: values by the names of fields, from `--where`.
    Raises:
        UnknownName, UsageError: see `ugbench.runs.configurations.select_where`.
    """
    from ugbench.runs import readable

    return readable.readable_runs(results, log, conditions)
