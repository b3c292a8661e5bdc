"""What the columns of a table are, of scores and others, and what their cells hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ugbench.statistics.crossed import CrossedMean

TiedBy = Literal["paired", "unpaired", "seeds"]
"""The rule by which a cell was found to be tied with the best or not, see `ugbench.tables.marks`."""


@dataclass(frozen=True)
class Cell:
    """One score of a table, raw (never x100).

    Attributes:
        se: standard error. With one seed it is the record's own, over images; with several it comes from the spread
            over seeds, sd / sqrt(n_seeds). None where there is none.
        low, high: the record's 95 % interval; None where several seeds were averaged or the record has none.
        crossed: the standard error and 95 % interval of a mean over seeds, over seeds and images together, see
            `ugbench.statistics.crossed`; None with fewer than three seeds, or where a difference of two of them is not
            stored.
        best: True if another row competes with this one and none has a better score; see `ugbench.tables.contest`.
        tied_with_best: True if the cell is not the best, but cannot be distinguished from it. None where that cannot
            be decided: there are too few seeds or images, a standard error is missing, or the cell does not compete.
        too_few: True if there are too few seeds or images to tell the cell from the best, however different they are.
        comparable: False where the number may not be compared with any other (extractor `random`).
        n_fake, n_real: numbers of outputs and references; None where they differ between seeds.
        runs: each run's value by the run's id.
        fewest_images: the smallest number of outputs or of references of any seed; None where it is not known.
        tied_by: the rule that decided `tied_with_best` or `too_few`.
        codes_per_image: see `ScoreRecord`; None also where it differs between seeds.
        n_missing: the number of sources without an output, summed over seeds; None where no record states it.
        copies: see `ScoreRecord`, summed over seeds; None where no record states them.
        near_duplicates: how many "sources" and "references" were left out as near-duplicates, the most of any seed.
    """

    value: float
    se: float | None
    low: float | None
    high: float | None
    n_seeds: int
    best: bool
    tied_with_best: bool | None
    protocol_id: str
    comparable: bool
    n_fake: int | None = None
    n_real: int | None = None
    runs: Mapping[str, float] = field(default_factory=dict)
    too_few: bool = False
    tied_by: TiedBy | None = None
    fewest_images: int | None = None
    crossed: CrossedMean | None = None
    codes_per_image: int | None = None
    n_missing: int | None = None
    copies: Mapping[str, int] | None = None
    near_duplicates: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """The scores of one metric under one protocol.

    Attributes:
        key: `metric`, or `metric@protocol_id` where the table has several protocols of the metric.
        title: heading, with the metric's scale, and with the difference in brackets where there is one.
        scale: readable formats print value * scale.
        higher_is_better: None where a value is neither good nor bad.
        biased: True if values compare at equal numbers of images only, see `ugbench.metric.Metric`.
        least_images: images per set below which no value is called the best, see `ugbench.metric.Metric`.
        difference: what distinguishes the protocol from the others of the metric in the table, in words; empty where
            there is no other.
    """

    key: str
    metric: str
    protocol_id: str
    title: str
    scale: float
    higher_is_better: bool | None
    biased: bool = False
    least_images: int = 0
    difference: str = ""

    @property
    def words(self) -> str:
        """What notes call the column: `kid`, or `kid (PNG)` where the table has several protocols of the metric."""
        return f"{self.metric} ({self.difference})" if self.difference else self.metric


@dataclass(frozen=True)
class ExtraCell:
    """The cell of an extra column.

    Attributes:
        text: what readable formats print.
        raw: what JSON holds.
        numbers: what CSV holds, one for each of the column's CSV headings.
    """

    text: str
    raw: Any
    numbers: Sequence[float | None]


@dataclass(frozen=True)
class ExtraColumn:
    """A column that is no score of ours: cost, published numbers, votes, attention. It takes no part in the marks.

    Attributes:
        key: its name in JSON, and in `Row.extra`.
        group: the JSON object of each row that holds it: about, published, votes or maps.
        title: heading.
        csv_heads: headings of its columns in CSV.
        description: what JSON holds about the whole column, once per table; None for nothing.
    """

    key: str
    group: str
    title: str
    csv_heads: tuple[str, ...]
    description: Mapping[str, Any] | None = None
