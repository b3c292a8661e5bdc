"""The contribution of each output to a score, stored in RUN/single/<direction>/<step>.json.

The files are kept when the outputs are replaced by those of another step, as scores are.
"""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, FiniteFloat, TypeAdapter

from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs.files import is_file, read_text
from ugbench.runs.json_file import Name, make_folder, write_json
from ugbench.runs.run import Run


class ImageScores(BaseModel):
    """The contribution of each output to one score.

    Attributes:
        values: raw, by the stem of the output's source; their mean is the score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    protocol_id: str
    values: dict[Name, FiniteFloat]

    def ranked(self, higher_is_better: bool) -> list[str]:
        """The stems of the outputs, the best first; those of equal values by name."""
        sign = -1 if higher_is_better else 1
        return sorted(self.values, key=lambda stem: (sign * self.values[stem], stem))


_FILE = TypeAdapter(list[ImageScores])


def store(run: Run, direction: Direction, step: int | None, scores: ImageScores) -> None:
    """Add the scores of a step's outputs; they replace those of the same protocol.

    Args:
        step: at which the outputs were made; None if that is not known.
    """
    others = [stored for stored in read(run, direction, step) if stored.protocol_id != scores.protocol_id]
    file = run.single_file(direction, step)
    make_folder(file.parent)
    write_json(file, [stored.model_dump() for stored in (*others, scores)])


def read(run: Run, direction: Direction, step: int | None) -> list[ImageScores]:
    """The stored scores of a step's outputs, oldest first; empty if there are none.

    Raises:
        RunError: the file holds something else.
    """
    file = run.single_file(direction, step)
    if not is_file(file):
        return []
    try:
        return _FILE.validate_python(json.loads(read_text(file)))
    except (ValueError, RecursionError):  # pydantic's and json's errors are ValueErrors
        raise RunError(f"{file} holds no scores of single outputs; remove it.") from None
