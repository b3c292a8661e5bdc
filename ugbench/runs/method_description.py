"""method.json of a run: facts about its method that tables and pages show without loading the method or torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from ugbench import registry
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import RunError, UnknownName, first_fault
from ugbench.runs.files import is_file
from ugbench.runs.folder import RunFolder
from ugbench.runs.json_file import read_json, write_json


class MethodDescription(BaseModel):
    """Written when training starts, or when a checkpoint is imported. Nothing in it is part of the run's id.

    Attributes:
        title: the method's name as people write it, such as "U-GAT-IT".
        directions: the directions that a trained model of the method translates.
        parameters: the number of parameters of each network.
        flops_per_step: multiplications and additions of convolutions and matrix products in the forward and backward
            passes of one training step; None if PyTorch cannot count them.
        style_dim: length of the style vector that selects one of many possible outputs; 0 if there is one output. None
            in files of older versions.
        period: the number of steps after which the phases of a step repeat.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    directions: tuple[Direction, ...]
    parameters: dict[str, int]
    flops_per_step: int | None
    style_dim: int | None = None
    period: PositiveInt = 1


def write(run: RunFolder, description: MethodDescription) -> None:
    """Write RUN/method.json."""
    write_json(run.method_file, description.model_dump())


def directions_of(run: RunFolder, method: str) -> tuple[Direction, ...]:
    """The directions that a trained model translates: from method.json, else from the method, which is then loaded.

    Where the method is not installed either, they are those in which outputs are stored.
    """
    if (description := read(run)) is not None:
        return description.directions
    try:
        return registry.load_method(method).directions
    except UnknownName:
        return tuple(direction for direction in DIRECTIONS if run.outputs(direction).is_dir())


def style_dim_of(run: RunFolder, method: str) -> int:
    """The length of a trained model's style: from method.json, else from the method, which is then loaded.

    It is 0 if the model has no style, and where neither of them tells.
    """
    if (description := read(run)) is not None and description.style_dim is not None:
        return description.style_dim
    try:
        return registry.load_method(method).style_dim
    except UnknownName:
        return 0


def read(run: RunFolder) -> MethodDescription | None:
    """The description in RUN/method.json; None if there is no such file, as in runs of older versions.

    Raises:
        RunError: the file holds something else.
    """
    if not is_file(run.method_file):
        return None
    try:
        return MethodDescription(**read_json(run.method_file))
    except ValidationError as error:
        raise RunError(f"{run.method_file}: {first_fault(error)}; to fix this, remove the file.") from None
