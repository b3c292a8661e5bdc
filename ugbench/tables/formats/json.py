"""A table as JSON: raw values, never scaled or rounded."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import Any

from ugbench import file_names
from ugbench.tables.cells import Cell
from ugbench.tables.model import Ranking, Table
from ugbench.tables.rows import UNKNOWN_IMAGES, Row
from ugbench.visible import visible_json


def render(table: Table) -> str:
    """The table as JSON text, see `to_json`."""
    return visible_json(file_names.to_json(to_json(table), indent=2, allow_nan=False)) + "\n"


def to_json(table: Table) -> dict[str, Any]:
    """The object that `ugbench table --format json` prints; a number that is not finite is null.

    It holds `protocols`, an object for each group of extra columns that has a description, `rows`, `across` where there
    are rankings, and `notes`.
    """
    descriptions: dict[str, dict[str, Any]] = defaultdict(dict)
    for column in table.extra_columns:
        if column.description is not None:
            descriptions[column.group][column.key] = dict(column.description)
    return {
        "protocols": {key: dict(value) for key, value in table.protocols.items()},
        **descriptions,
        "rows": [_row(table, row) for row in table.rows],
        **({"across": [_ranking(ranking) for ranking in table.rankings]} if table.rankings else {}),
        "notes": list(table.notes),
    }


def _row(table: Table, row: Row) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = {column.group: {} for column in table.extra_columns}
    for column in table.extra_columns:
        if column.key in row.extra:
            groups[column.group][column.key] = row.extra[column.key].raw
    config = None if row.key.config is None else {name: json.loads(value) for name, value in row.key.config}
    cells = {key: _cell(cell) for key, cell in row.cells.items()}
    known = row.key.images != UNKNOWN_IMAGES
    images = {name: value for name, value in row.key.images._asdict().items() if name != "label"} if known else None
    return {**row.key._asdict(), "config": config, "images": images, "cells": cells, **groups}


def _cell(cell: Cell) -> dict[str, Any]:
    crossed = None if cell.crossed is None else cell.crossed._asdict()
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in {**vars(cell), "crossed": crossed}.items()
    }


def _ranking(ranking: Ranking) -> dict[str, Any]:
    return {
        "metric": ranking.column.metric,
        "protocol_id": ranking.column.protocol_id,
        "datasets": ranking.datasets,
        "blocks": list(ranking.blocks),
        "methods": [dict(vars(method)) for method in ranking.methods],
        "left_out": list(ranking.left_out),
    }
