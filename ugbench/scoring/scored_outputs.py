"""The outputs of a run that are scored: those of the scored sources of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ugbench.errors import DataError
from ugbench.runs.stored_outputs import Outputs
from ugbench.scoring.eval_set import EvalSet

ONLY_LEFT_OUT = (
    "it has outputs of only those sources that are left out, as near-duplicates of other sources; add the outputs of "
    "the other sources"
)


def scored_outputs(outputs: Outputs, eval_set: EvalSet) -> Outputs:
    """The outputs of the scored sources; all of them, unless some sources are near-duplicates of others.

    Raises:
        DataError: no scored source has an output; or a source cannot be read.
    """
    scored = set(eval_set.source_set.scored)
    rows = [row for row, source in enumerate(outputs.sources) if source in scored]
    if not rows:
        raise DataError(f"{outputs.files[0].parent}: {ONLY_LEFT_OUT}.")
    return replace(
        outputs,
        sources=tuple(outputs.sources[row] for row in rows),
        files=tuple(outputs.files[row] for row in rows),
    )


def rows_of(outputs: Outputs, sources: Sequence[Path]) -> list[int]:
    """The places of the outputs of these sources, in the order of the sources; each has an output."""
    row_of = {source: row for row, source in enumerate(outputs.sources)}
    return [row_of[source] for source in sources]
