"""The sentence under a table with the p-values of KID's test of equality."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ugbench.scoring.record import ScoreRecord


def equality_notes(shown: Iterable[ScoreRecord]) -> Iterator[str]:
    """For each data set and direction the p-values of the rows that were tested, in one sentence.

    A row of several seeds has a p-value for each seed, in the order of the records.

    Args:
        shown: the records that the cells of a table were made from.
    """
    by_block: dict[tuple[str, str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in shown:
        if record.p_value is not None:
            block = (record.metric, record.dataset, record.direction)
            by_block[block][record.label].append(record.p_value)
    for (metric, dataset, direction), p_values in by_block.items():
        rows = ", ".join(
            f"{label} p = {' and '.join(f'{p:.2g}' for p in of_seeds)}" for label, of_seeds in p_values.items()
        )
        yield (
            f"{metric}, {dataset} {direction}: {rows} that outputs and references are of one distribution. A small p "
            "shows that they differ; a large p does not show that they are equal. Other rows are not tested, because "
            "they are more than 5 standard errors from 0."
        )
