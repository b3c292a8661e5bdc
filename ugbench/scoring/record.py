"""Score records: one line of scores.jsonl each, append only; pandas reads them as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ugbench.runs import jsonl
from ugbench.runs.folder import SCORES
from ugbench.runs.run import label_of
from ugbench.scoring.protocol import is_selected

SCHEMA = 1


class ScoreRecord(BaseModel):
    """One metric of one run, direction and protocol.

    `value`, `se`, `low` and `high` are raw (never x100); the last three are None where no honest interval
    exists. `run` is the run's id, or "identity" or "real", whose variant, seed and step are None. `name` tells an
    imported checkpoint from other runs of its method. `p_value` is of the permutation test near zero (see kid),
    `order_sd` of scores that hang on the order of files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: int = SCHEMA
    run: str
    dataset: str
    direction: Literal["A2B", "B2A"]
    method: str
    variant: str | None
    seed: int | None
    step: int | None
    metric: str
    value: float
    se: float | None
    low: float | None
    high: float | None
    n_fake: int
    n_real: int
    higher_is_better: bool | None
    comparable: bool
    protocol: dict[str, Any]
    protocol_id: str
    name: str | None = None
    p_value: float | None = None
    order_sd: float | None = None

    @property
    def label(self) -> str:
        """Whose score it is, as a person reads it."""
        return label_of(self.method, self.variant, self.name)

    @property
    def selected(self) -> bool:
        """Whether it is of a checkpoint that was chosen among a run's, see ugbench.analysis.selection."""
        return is_selected(self.protocol)

    @property
    def who(self) -> tuple[Any, ...]:
        """Whose score it is: several runs of one are alternatives, of which a table shows one."""
        return (self.dataset, self.direction, self.method, self.variant, self.name, self.seed)

    @property
    def identity(self) -> tuple[Any, ...]:
        """What it is a score of: of two records with one identity the newer counts."""
        return (*self.who, self.metric, self.protocol_id)

    def to_json(self) -> dict[str, Any]:
        """The record as it stands in files and on stdout: `schema` first."""
        fields = self.model_dump()
        return {"schema": fields.pop("schema_"), **fields}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> ScoreRecord:
        """The inverse of `to_json`; raises pydantic's ValidationError."""
        fields = dict(fields)
        return cls(schema_=fields.pop("schema", SCHEMA), **fields)


def append(file: Path, records: Iterable[ScoreRecord]) -> None:
    """Add records to `file`, a line each, made with its folders if missing; without any nothing is touched."""
    jsonl.append(file, (record.to_json() for record in records))


def read(file: Path) -> Iterator[ScoreRecord]:
    """The records of one scores.jsonl, oldest first; nothing where the file does not exist.

    Raises:
        RunError: a line is no record; names file and line.
    """
    return jsonl.read(file, ScoreRecord.from_json, "score record")


def read_all(results: Path) -> list[ScoreRecord]:
    """Every record under a results folder, files in the order of their paths."""
    return [record for file in sorted(results.rglob(SCORES)) for record in read(file)]
