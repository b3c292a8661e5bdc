"""The runs behind the rows of a table, for columns that are read from runs."""

from __future__ import annotations

from pathlib import Path

from ugbench.runs.run import Run, list_runs
from ugbench.tables.model import Table
from ugbench.tables.rows import RowKey


def runs_of_rows(table: Table, results: Path) -> dict[RowKey, list[Run]]:
    """For each row its runs that are under a results folder."""
    runs = {run.id: run for run in list_runs(results)}
    return {row.key: [runs[run_id] for run_id in row.run_ids if run_id in runs] for row in table.rows}
