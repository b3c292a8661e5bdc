"""The sentences under a table with the p-values of KID's test of equality."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.display import DisplayNames

EQUALITY = (
    "p (equal): a small p shows that outputs and references differ; a large p does not show that they are equal. Rows "
    "that are not listed are more than 5 standard errors from 0, and not tested."
)


def equality_notes(
    shown: Iterable[ScoreRecord], label_of: Callable[[ScoreRecord], str], names: DisplayNames | None = None
) -> Iterator[str]:
    """For each data set and direction the p-values of the rows that were tested, and what they mean.

    A row of several seeds has a p-value for each seed, in the order of the records.

    Args:
        shown: the records that the cells of a table were made from.
        label_of: the label of the row that shows a record.
        names: gives data sets their display names; None to keep the registered ones.
    """
    by_block: dict[tuple[str, str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for record in shown:
        if record.p_value is not None:
            block = (record.metric, record.dataset, record.direction)
            by_block[block][label_of(record)].append(f"{record.p_value:.2g}")
    texts: dict[str, list[str]] = defaultdict(list)
    for (metric, dataset, direction), p_values in by_block.items():
        rows = ", ".join(f"{label} {' and '.join(of_seeds)}" for label, of_seeds in p_values.items())
        title = dataset if names is None else names.dataset(dataset)
        texts[metric].append(f"on {title} {direction} {rows}")
    for metric, of_blocks in texts.items():
        yield f"{metric}, p (equal) of outputs and references: {'; '.join(of_blocks)}."
    if by_block:
        yield EQUALITY
