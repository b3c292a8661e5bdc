"""What a study decides once: results/studies/<id>.json holds its precision, and the steps that `--minutes` came to.

So a second machine that takes part in a study trains the same runs as the first one, whatever its hardware is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from ugbench.device import Precision
from ugbench.errors import RunError, first_fault
from ugbench.runs.files import inside, is_file
from ugbench.runs.json_file import make_folder, read_json, write_json
from ugbench.study.grid import Study


class Decisions(BaseModel):
    """What a study's file holds.

    Attributes:
        precision: what `--precision auto` means; None before the first machine has begun to train.
        steps: the steps of each arm that `--minutes` came to, by label; empty before they were measured.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    precision: Precision | None = None
    steps: dict[str, PositiveInt] = {}


def read_decisions(file: Path) -> Decisions:
    """The decisions in a study's file; none where there is no file.

    Raises:
        RunError: the file holds something else.
    """
    fields = read_json(file) if is_file(file) else {}
    try:
        return Decisions(**{name: fields[name] for name in Decisions.model_fields if name in fields})
    except ValidationError as error:
        raise RunError(f"{file}: {first_fault(error)}; to fix this, remove it.") from None


def store_steps(file: Path, study: Study, steps: Mapping[str, int]) -> dict[str, int]:
    """Store the steps that `--minutes` came to, unless another machine was first; returns what is stored."""
    return dict(_store(file, study, {"steps": dict(steps)})["steps"])


def store_precision(file: Path, study: Study, precision: str) -> str:
    """Store what `--precision auto` means for a study, unless another machine was first; returns what is stored."""
    return str(_store(file, study, {"precision": precision})["precision"])


def _store(file: Path, study: Study, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Add fields to a study's file; those that it has already stay. Returns what it holds then."""
    make_folder(file.parent)
    lock = inside(file.parent, f"{file.stem}.lock")
    is_file(lock, largest=0)  # locking a file deletes its content
    with FileLock(lock):
        stored = read_json(file) if is_file(file) else {}
        content = {"study": study.model_dump(mode="json"), **fields, **stored}
        write_json(file, content)
    return content
