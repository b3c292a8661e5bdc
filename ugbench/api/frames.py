"""Score records as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence

import pandas

from ugbench.scoring.record import ScoreRecord


def frame_of(records: Sequence[ScoreRecord]) -> pandas.DataFrame:
    """A row for each record, with the record's field names as columns, see `ugbench.scoring.record.ScoreRecord`."""
    heads = [field.alias or name for name, field in ScoreRecord.model_fields.items()]
    return pandas.DataFrame([record.to_json() for record in records], columns=heads)
