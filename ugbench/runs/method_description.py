"""method.json of a run: facts about its method that tables show without loading the method or torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from ugbench.direction import Direction
from ugbench.errors import RunError, first_fault
from ugbench.runs.run import Run


class MethodDescription(BaseModel):
    """Written when training starts. Nothing in it is part of the run's id.

    Attributes:
        title: the method's name as people write it.
        directions: what a trained model translates.
        parameters: the number of parameters of each network.
        flops_per_step: FLOPs of one training step; None if they cannot be counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    directions: tuple[Direction, ...]
    parameters: dict[str, int]
    flops_per_step: int | None


def read(run: Run) -> MethodDescription | None:
    """The description in RUN/method.json; None if there is no such file, as in runs of older versions.

    Raises:
        RunError: the file holds something else.
    """
    file = run.path / "method.json"
    if not file.exists():
        return None
    try:
        return MethodDescription.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise RunError(f"{file}: {first_fault(error)}; to fix this, remove the file.") from None
