"""How arguments of the Python API are read: folders and their defaults, names, weights and numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ugbench.data.places import PLACE_OPTIONS, PlaceOption
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import UnknownName, UsageError
from ugbench.image_size import SMALLEST_SIDE, as_size, is_size, size_text, width_and_height

T = TypeVar("T")
PathLike = str | os.PathLike[str]
WeightFiles = Mapping[str, PathLike]
"""Files of weights by the names of networks."""


def results_folder(results: PathLike | None) -> Path:
    """The folder of runs: the argument, else UGBENCH_RESULTS, else `results`; it need not exist."""
    return _folder("results", results, "UGBENCH_RESULTS", "results")


def data_root_folder(data_root: PathLike | None) -> Path:
    """The folder of data sets: the argument, else UGBENCH_DATA, else `datasets`; it need not exist."""
    return _folder("data_root", data_root, "UGBENCH_DATA", "datasets")


def _folder(name: str, value: PathLike | None, variable: str, default: str) -> Path:
    path = Path(value if value is not None else os.environ.get(variable) or default).expanduser()
    if path.is_file():
        raise UsageError(f"{name} {path}: that is a file; name a folder.")
    return path


def names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """The names in an argument: one text, in which commas separate names, or several; each once, in order.

    >>> names("kid,fid"), names(["kid", "kid"]), names(None)
    (('kid', 'fid'), ('kid',), ())
    """
    items = value.split(",") if isinstance(value, str) else value or ()
    return tuple(dict.fromkeys(item.strip() for item in items if item.strip()))


def weight_files(weights: WeightFiles | None) -> dict[str, Path]:
    """The files of weights, with `~` as the home folder.

    Raises:
        UsageError: there is no such file.
    """
    given = mapping("weights", weights, '{"inception": "FILE"}')
    files = {name: Path(file).expanduser() for name, file in given.items()}
    for name, file in files.items():
        if not file.is_file():
            raise UsageError(f"weights {name}={file}: there is no such file; give the path of one.")
    return files


def mapping(name: str, value: Mapping[str, T] | None, example: str) -> dict[str, T]:
    """An argument that is a dictionary; empty for None.

    Args:
        example: a value that the argument can have, for the message.
    Raises:
        UsageError: the argument is no dictionary.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"{name}={value!r}: give a dictionary, as in {name}={example}.")
    return dict(value)


def check_direction_name(direction: str | None) -> Direction | None:
    """The direction, or None for None.

    Raises:
        UnknownName: there is no such direction.
    """
    if direction is not None and direction not in DIRECTIONS:
        raise UnknownName("direction", direction, DIRECTIONS)
    return direction


def check_place(images: str) -> PlaceOption:
    """The place of training images.

    Raises:
        UnknownName: there is no such place.
    """
    for option in PLACE_OPTIONS:
        if images == option:
            return option
    raise UnknownName("place of images", str(images), PLACE_OPTIONS)


def check_at_least(least: int, numbers: Mapping[str, object]) -> None:
    """Check that each of these values is a whole number of at least `least`; None is not checked.

    Raises:
        UsageError: a value is not.
    """
    for name, value in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise UsageError(f"{name}={value!r}: give a whole number of {least} or more.")


def check_size(size: object) -> None:
    """Check that an argument is a size of images of at least 8 px; None is not checked.

    Raises:
        UsageError: it is no such size.
    """
    if size is None or (is_size(size) and min(width_and_height(as_size(size))) >= SMALLEST_SIDE):
        return
    raise UsageError(
        f"size={size!r}: give a whole number of {SMALLEST_SIDE} or more, or a width and a height, as in (128, 256)."
    )


def conditions(where: Mapping[str, object] | None) -> dict[str, str]:
    """Values by the names of config fields, as texts that `ugbench.runs.configurations.select_where` reads.

    >>> conditions({"steps": 30, "light": True})
    {'steps': '30', 'light': 'true'}
    """
    given = mapping("where", where, '{"steps": 200}')
    return {name: _condition(name, value) for name, value in given.items()}


def _condition(name: str, value: object) -> str:
    if name == "size" and is_size(value):
        return size_text(as_size(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def paths(value: PathLike | Sequence[PathLike] | None) -> list[str]:
    """An argument that takes one path or several, as texts."""
    items = [value] if isinstance(value, str | os.PathLike) else value or ()
    return [os.fspath(item) for item in items]


def listed(value: str | Sequence[str] | None) -> list[str]:
    """An argument that takes one name or several; a comma is a part of a name."""
    return [value] if isinstance(value, str) else list(value or ())
