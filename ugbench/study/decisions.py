"""What a study decides once: results/studies/<id>.json holds its precision, and the steps that `--minutes` came to.

So a second machine that takes part in a study trains the same runs as the first one, whatever its hardware is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ugbench.errors import RunError
from ugbench.runs.json_file import make_folder, read_json, write_json
from ugbench.study.grid import Study


@dataclass(frozen=True)
class Decisions:
    """What a study's file holds.

    Attributes:
        precision: what `--precision auto` means; None before the first machine has begun to train.
        steps: the steps of each arm that `--minutes` came to, by label; empty before they were measured.
    """

    precision: str | None
    steps: Mapping[str, int]


def read_decisions(file: Path) -> Decisions:
    """The decisions in a study's file; none where there is no file.

    Raises:
        RunError: the file holds something else.
    """
    fields = read_json(file) if file.exists() else {}
    precision, steps = fields.get("precision"), fields.get("steps", {})
    if precision not in (None, "fp32", "bf16") or not isinstance(steps, dict):
        raise RunError(f"{file} is no file of a study; to fix this, remove it.")
    return Decisions(precision, {str(label): int(count) for label, count in steps.items()})


def store_steps(file: Path, study: Study, steps: Mapping[str, int]) -> None:
    """Store the steps that `--minutes` came to, so that the same command later means the same runs."""
    _store(file, study, {"steps": dict(steps)})


def store_precision(file: Path, study: Study, precision: str) -> str:
    """Store what `--precision auto` means for a study, unless another machine was first; returns what is stored."""
    return str(_store(file, study, {"precision": precision})["precision"])


def _store(file: Path, study: Study, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Add fields to a study's file; those that it has already stay. Returns what it holds then."""
    make_folder(file.parent)
    with FileLock(file.with_suffix(".lock")):
        stored = read_json(file) if file.exists() else {}
        content = {"study": study.model_dump(mode="json"), **fields, **stored}
        write_json(file, content)
    return content
