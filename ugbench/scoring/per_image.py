"""Scores of single outputs, by the step that the outputs were made at: RUN/single/<direction>/<step>.json.

They outlive the outputs, which give way to those of another step and may be made again, as scores do.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs.json_file import write_json
from ugbench.runs.run import Run


class Single(BaseModel):
    """What each output contributed to a score, by the stem of its source; raw values, whose mean is the score."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    protocol_id: str
    values: dict[str, float]


_FILE = TypeAdapter(list[Single])


def keep(run: Run, direction: Direction, step: int | None, new: Single) -> None:
    """Add these values of outputs of a step, None where that is not known, in the place of others of that protocol."""
    others = [one for one in read(run, direction, step) if one.protocol_id != new.protocol_id]
    file = run.single_file(direction, step)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, [one.model_dump() for one in (*others, new)])


def read(run: Run, direction: Direction, step: int | None) -> list[Single]:
    """What is kept of a step's outputs, oldest first; nothing where nothing is.

    Raises:
        RunError: the file holds something else.
    """
    file = run.single_file(direction, step)
    if not file.exists():
        return []
    try:
        return _FILE.validate_json(file.read_bytes())
    except ValidationError:
        raise RunError(f"{file} holds no scores of single outputs; remove it.") from None
