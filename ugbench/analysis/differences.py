"""Stored differences between runs: each is one line of results/<dataset>/differences.jsonl.

`eval` stores the paired difference of each pair of runs, so that tables can mark what is not distinguishable.
ugbench.analysis.paired_runs computes them. This module imports no torch, because tables use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ugbench.direction import Direction
from ugbench.runs import jsonl
from ugbench.runs.folder import DIFFERENCES
from ugbench.scoring.record import ScoreRecord

METRIC = "kid"


class DifferenceRecord(BaseModel):
    """KID of run `first` minus KID of run `second`, raw, over the sources that both have translated.

    Attributes:
        first_step, second_step: steps for which the weights were trained; None where they are not known.
        se: the paired standard error over images.
        unpaired_se: the standard error if the two scores were independent.
        n, n_real: number of common sources, and of references.
        sources, references, first_outputs, second_outputs: the content of each set of images, as in
            `ugbench.scoring.record.ScoreRecord`; None in records of older versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    direction: Direction
    metric: str
    protocol_id: str
    first: str
    first_step: int | None
    second: str
    second_step: int | None
    value: float
    se: float
    unpaired_se: float
    n: int
    n_real: int
    sources: str | None = None
    references: str | None = None
    first_outputs: str | None = None
    second_outputs: str | None = None

    @property
    def pair(self) -> tuple[object, ...]:
        """Both runs with metric, protocol and images. Of two records with the same pair the newer one counts."""
        runs = (self.first, self.first_step, self.second, self.second_step)
        images = (self.sources, self.references, self.first_outputs, self.second_outputs)
        return (self.dataset, self.direction, self.metric, self.protocol_id, *runs, *images)


def are_due(records: Iterable[ScoreRecord]) -> bool:
    """True if differences are stored for such scores: they include the unbiased KID of all images, not of subsets."""
    return any(record.metric == METRIC and _is_of_all(record.protocol.get("settings", {})) for record in records)


def _is_of_all(settings: Mapping[str, object]) -> bool:
    return settings.get("estimator") == "unbiased" and settings.get("subset_size") is None


def read(file: Path) -> Iterator[DifferenceRecord]:
    """The differences in one file, oldest first; none if the file does not exist.

    Raises:
        RunError: a line is no such record; the message names file and line.
    """
    return jsonl.read(file, lambda fields: DifferenceRecord(**jsonl.check_numbers(fields)), "difference of runs")


def read_all(results: Path) -> list[DifferenceRecord]:
    """All differences of the data sets of a results folder, oldest first. Raises RunError as `read`."""
    return [record for file in sorted(results.glob(f"*/{DIFFERENCES}")) for record in read(file)]


def append(file: Path, records: Iterable[DifferenceRecord]) -> None:
    """Append records to `file`, one per line; without records it does nothing."""
    jsonl.append(file, (record.model_dump() for record in records))
