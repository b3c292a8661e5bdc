"""Score records: each is one line of a file to which lines are only appended; pandas reads such files.

The scores of runs lie in files called scores.jsonl, those of plain folders where `ugbench eval --output` wrote them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ugbench.errors import RunError
from ugbench.runs import jsonl
from ugbench.runs.folder import CONFIG, LOGS, RECORDLESS_FOLDERS, SCORES
from ugbench.runs.run import label_of
from ugbench.scoring.protocols import is_selected

SCHEMA = 1
FILES = "files"  # in the place of a run's id, in scores of plain folders

Originals = Literal["references", "training", "inputs"]
"""What an output may be a copy of: a reference, a training image of the target domain, or its own source."""


class ScoreRecord(BaseModel):
    """One score: one metric of one run, direction and protocol.

    Attributes:
        run: id of the run; or "identity", "real" or "files" (plain folders), which have no variant, seed or step.
        step: training steps of the weights; None where they are not known.
        value: raw, never multiplied by 100.
        se, low, high: standard error and bounds of the 95 % interval, raw; None where no honest interval exists.
        n_fake, n_real: number of outputs, and of the images that they were compared with. The latter is None where a
            file of statistics does not say it.
        comparable: False for the extractor `random`: such scores compare with nothing else.
        name: tells an imported checkpoint, or outputs that are called like a method, from the runs of that method.
        p_value: of the permutation test near zero (see kid).
        order_sd: standard deviation over orders of the files, for scores that depend on it.
        sources, references, outputs: the content of each set of images that the score was computed from, as
            `ugbench.data.known_files.images_hash` gives it: all test images of the source domain, the images that the
            outputs were compared with (or the SHA-256 of a file of statistics), and the outputs. None where there is no
            such set: references of a metric that uses none, or sources of plain folders that were scored without them.
            All three are None in records of older versions.
        n_missing: the number of sources without an output; None for `real`, and where there are no sources.
        copies: how many outputs are copies of originals of each kind, see `ugbench.data.copies`. A kind is left out
            where there are no such images. None for `identity` and `real`, and in records of older versions.
        codes_per_image: for a method with a style, the number of styles that were drawn for each source, which is the
            number of its outputs. None for a method without one, and where it is not known. It is not part of the
            protocol, so that both kinds of methods share a column.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: int = Field(SCHEMA, alias="schema")
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
    n_real: int | None
    higher_is_better: bool | None
    comparable: bool
    protocol: dict[str, Any]
    protocol_id: str
    name: str | None = None
    p_value: float | None = None
    order_sd: float | None = None
    sources: str | None = None
    references: str | None = None
    outputs: str | None = None
    n_missing: int | None = None
    codes_per_image: int | None = None
    copies: dict[Originals, int] | None = None

    @property
    def label(self) -> str:
        """The method, variant and name as tables show them."""
        return label_of(self.method, self.variant, self.name)

    @property
    def selected(self) -> bool:
        """True if the checkpoint was selected among those of a run, see ugbench.analysis.selection."""
        return is_selected(self.protocol)

    @property
    def subject(self) -> tuple[Any, ...]:
        """What was scored, without the configuration of the run, which config.json holds and a record does not."""
        return (self.dataset, self.direction, self.method, self.variant, self.name, self.seed)

    def to_json(self) -> dict[str, Any]:
        """The record as files and stdout have it, with `schema` first."""
        return self.model_dump(by_alias=True)


def append(file: Path, records: Iterable[ScoreRecord]) -> None:
    """Append records to `file`, one per line; creates the file and its folders. Without records it does nothing."""
    jsonl.append(file, (record.to_json() for record in records))


def read(file: Path) -> Iterator[ScoreRecord]:
    """The records of one scores.jsonl, oldest first; none if the file does not exist.

    Raises:
        RunError: a line is no record; the message names file and line.
    """
    return jsonl.read(file, _parse, "score record")


def _parse(fields: dict[str, Any]) -> ScoreRecord:
    record = ScoreRecord.model_validate(jsonl.check_numbers(fields))
    name, settings = record.protocol.get("name", ""), record.protocol.get("settings", {})
    if not isinstance(name, str) or not isinstance(settings, dict):
        raise ValueError("the protocol's name is no text, or its settings are no object")
    return record


def read_all(results: Path) -> list[ScoreRecord]:
    """All records under a results folder; files in the order of their paths.

    The scores of plain folders are read from every file of records that ends in .jsonl. All other scores are read from
    files called scores.jsonl only, so that a copy of such a file under another name counts no run twice. The logs of a
    run, and its folders of images and weights, hold no records and are not looked into.

    Raises:
        RunError: a line of a file of records is no record; the message names file and line.
    """
    records: list[ScoreRecord] = []
    for file in _jsonl_files(results):
        if file.name == SCORES:
            records += read(file)
        elif holds_records(file):
            records += (record for record in read(file) if record.run == FILES)
    return records


def _jsonl_files(results: Path) -> list[Path]:
    """What ends in .jsonl under a results folder, in the order of the paths, without logs of runs."""
    files = []
    for folder, folders, names in os.walk(results):
        logs: tuple[str, ...] = ()
        if CONFIG in names:  # with thousands of outputs per run, listing them would take longer than all else
            folders[:] = [name for name in folders if name not in RECORDLESS_FOLDERS]
            logs = LOGS
        files += [Path(folder, name) for name in (*names, *folders) if name.endswith(".jsonl") and name not in logs]
    return sorted(files)


def holds_records(file: Path) -> bool:
    """Whether a file exists and begins with a score record. Links, folders and pipes give False, and are not opened."""
    try:
        return next(read(file), None) is not None
    except (RunError, OSError):
        return False
