"""Scores of single outputs, kept beside them: RUN/outputs/<direction>/single.json.

They go with the outputs that they are of: outputs of another step take their place together.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ugbench.errors import RunError
from ugbench.method import Direction
from ugbench.train.checkpoint import write_json
from ugbench.train.run import Run

FILE = "single.json"


class Single(BaseModel):
    """What each output contributed to a score, by the stem of its source; raw values, whose mean is the score."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    protocol_id: str
    values: dict[str, float]


_FILE = TypeAdapter(list[Single])


def keep(run: Run, direction: Direction, new: Single) -> None:
    """Add these values, in the place of others of that protocol."""
    others = [one for one in read(run, direction) if one.protocol_id != new.protocol_id]
    write_json(run.path / "outputs" / direction / FILE, [one.model_dump() for one in (*others, new)])


def read(run: Run, direction: Direction) -> list[Single]:
    """What is kept, oldest first; nothing where the outputs have no such file.

    Raises:
        RunError: the file holds something else.
    """
    file = run.path / "outputs" / direction / FILE
    if not file.exists():
        return []
    try:
        return _FILE.validate_json(file.read_bytes())
    except ValidationError:
        raise RunError(f"{file} holds no scores of single outputs; remove it.") from None
