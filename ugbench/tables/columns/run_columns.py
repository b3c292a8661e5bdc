"""The extra columns that `ugbench table --columns` knows by name: what is read from the runs behind the rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ugbench.errors import UnknownName
from ugbench.tables.columns.cost import COSTS, CountMissing, add_cost
from ugbench.tables.model import Table

MAPS = "maps"


def add_run_columns(table: Table, columns: Sequence[str], results: Path, count_missing: CountMissing) -> Table:
    """The table with the chosen columns: those of `COSTS` in the order given, then `maps`.

    Args:
        columns: any of parameters, flops, seconds, hours and maps.
        results: folder of the runs.
        count_missing: see `ugbench.tables.columns.cost.add_cost`.
    Raises:
        UnknownName: there is no such column; the message names a near one.
        RunError: a file of a run is damaged.
    """
    for name in columns:
        if name not in (*COSTS, MAPS):
            raise UnknownName("column", name, (*COSTS, MAPS))
    table = add_cost(table, [name for name in columns if name != MAPS], results, count_missing)
    if MAPS in columns:
        from ugbench.tables.columns.map_mass import add_map_masses  # loads torch

        table = add_map_masses(table, results)
    return table
