"""The settings of a dial data set: their ranges, their text form, and the file dial.json that records them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ugbench.errors import DataError, UnknownName

if TYPE_CHECKING:
    pass


DialSplit = Literal["trainA", "trainB", "testA", "testB"]


SPLITS: tuple[DialSplit, ...] = ("trainA", "trainB", "testA", "testB")


FILE = "dial.json"


RENDERER = 1  # goes up when the same spec gives other pixels


@dataclass(frozen=True)
class DialSpec:
    """A dial data set.

    Attributes:
        shape, texture: the settings of domain B, each 0 to 1.
        size: height and width of the images, 16 to 1024 px.
        train: training images of each domain, 1 or more.
        test: test images of each domain, 1 or more.
        seed: 0 or more.
    Raises:
        DataError: a value out of its range.
    """

    shape: float = 1.0
    texture: float = 1.0
    size: int = 64
    train: int = 400
    test: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("shape", "texture"):
            _check_range(name, getattr(self, name), 0, 1)
        _check_range("size", self.size, 16, 1024)
        for name, least in (("train", 1), ("test", 1), ("seed", 0)):
            _check_range(name, getattr(self, name), least, None)

    @property
    def name(self) -> str:
        """The data set's folder: "dial-s1-t0.5-64", then what differs from the defaults, as in "-train50"."""
        counts = {name: getattr(self, name) for name in ("train", "test", "seed")}
        rest = "".join(f"-{name}{value}" for name, value in counts.items() if value != getattr(DialSpec, name))
        return f"dial-s{self.shape:.12g}-t{self.texture:.12g}-{self.size}{rest}"


def _check_range(name: str, value: float, least: float, most: float | None) -> None:
    if not (value >= least and (most is None or value <= most)):  # so written, NaN is refused
        bounds = f"from {least} to {most}" if most is not None else f"{least} or more"
        raise DataError(f"dial: {name}={value} is out of range; give {bounds}.")


def parse(text: str) -> DialSpec:
    """A spec from "dial" or "dial:shape=0.5,size=32"; what is not named has its default.

    Raises:
        UnknownName: no such field.
        DataError: not a dial, a field given twice or without a number, or a value out of range.
    """
    kind, _, settings = text.partition(":")
    if kind != "dial":
        raise DataError(f"'{text}' is no dial; write dial or dial:shape=0.5,texture=1.")
    defaults = asdict(DialSpec())
    given: dict[str, Any] = {}
    for setting in settings.split(",") if settings else []:
        name, _, value = (part.strip() for part in setting.partition("="))
        if name not in defaults:
            raise UnknownName("dial field", name, defaults)
        if name in given:
            raise DataError(f"dial: {name} is given twice in '{text}'; give it once.")
        number = type(defaults[name])
        try:
            given[name] = number(value)
        except ValueError:
            wanted = "a whole number" if number is int else "a number"
            raise DataError(f"dial: {name}='{value}' was given; give {wanted}, as in {name}=1.") from None
    return DialSpec(**given)


def read_spec(folder: Path) -> DialSpec | None:
    """The spec in a folder's dial.json; None where there is no such file.

    Raises:
        DataError: the file is damaged, or of a renderer whose pixels differ from this one's.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text())
        renderer = content.pop("renderer")
        spec = DialSpec(**content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, DataError) as error:
        raise DataError(f"{file}: holds no dial ({error}); remove {folder} and make it again.") from error
    if renderer != RENDERER:
        raise DataError(f"{file}: of renderer {renderer}, not {RENDERER} as here; remove {folder} and make it again.")
    return spec
