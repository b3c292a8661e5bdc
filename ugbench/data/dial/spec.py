"""The settings of a dial data set: their ranges, their text form, and the file dial.json that records them.

A dial has two settings, shape and texture, each from 0 to 1. Domain A is (0, 0): shaded discs on plain grey. In
domain B, shape morphs the discs to five-lobed stars, and texture turns their shading into stripes and their ground
into a lighter, hatched one.

The two settings are comparable: the contrasts of stripes and hatching (ugbench.data.dial.scenes) were chosen so that
shape = v alone and texture = v alone change an image about equally. The measure of change is LPIPS without its linear
weights: the outputs of AlexNet's five ReLU layers at 224 px are scaled to unit length at each pixel, and their squared
differences are summed over channels, averaged over pixels and summed over layers. Means over 100 pairs of seed 0:

    setting                 0.25   0.5    0.75   1
    64 px  shape alone      1.77   3.07   3.93   4.54
           texture alone    1.57   2.89   3.88   4.60
    32 px  shape alone      1.40   2.71   3.61   4.25
           texture alone    1.34   2.64   3.64   4.37

They are not comparable in features that are averaged over the image, because there a star of shape 0.25 is nearly as
far from the disc as a star of shape 1. Euclidean distances between AlexNet's 256 averaged features, at 64 px and the
same four values: shape 7.6, 8.4, 8.6, 8.5; texture 5.0, 8.0, 10.0, 11.5.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ugbench.errors import DataError, UnknownName

SPEC_FILE = "dial.json"
RENDERER = 1  # must be raised whenever the same spec gives other pixels
_RANGES = {
    "shape": (0, 1),
    "texture": (0, 1),
    "size": (16, 1024),
    "train": (1, math.inf),
    "test": (1, math.inf),
    "seed": (0, math.inf),
}


@dataclass(frozen=True)
class DialSpec:
    """The settings of a dial data set.

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
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:  # NaN is refused too
                bounds = f"{least} or more" if most == math.inf else f"from {least} to {most}"
                raise DataError(f"dial: {name}={value} is out of range; give {bounds}.")

    @property
    def name(self) -> str:
        """Name of the data set's folder: "dial-s1-t0.5-64", and "-train50" for a count that is not the default."""
        counts = {name: getattr(self, name) for name in ("train", "test", "seed")}
        suffix = "".join(f"-{name}{value}" for name, value in counts.items() if value != getattr(DialSpec, name))
        return f"dial-s{self.shape:.12g}-t{self.texture:.12g}-{self.size}{suffix}"


def parse_spec(text: str) -> DialSpec:
    """The spec that a text gives: "dial" or "dial:shape=0.5,size=32". Fields that it does not name have defaults.

    Raises:
        UnknownName: a field that a dial does not have.
        DataError: the text is not a dial's, a field is given twice or without a number, or a value is out of range.
    """
    kind, _, settings = text.partition(":")
    if kind != "dial":
        raise DataError(f"'{text}' is not a dial; write dial or dial:shape=0.5,texture=1.")
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
            expected = "a whole number" if number is int else "a number"
            raise DataError(f"dial: {name}='{value}' was given; give {expected}, as in {name}=1.") from None
    return DialSpec(**given)


def read_spec(folder: Path) -> DialSpec | None:
    """The spec in a folder's dial.json, or None if there is no such file.

    Raises:
        DataError: the file is damaged, or another version of the renderer made the images.
    """
    file = folder / SPEC_FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text())
        renderer = content.pop("renderer")
        spec = DialSpec(**content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, DataError) as error:
        raise DataError(f"{file}: does not describe a dial ({error}); remove {folder} and make it again.") from error
    if renderer != RENDERER:
        raise DataError(
            f"{file}: made by renderer {renderer}, and this is renderer {RENDERER}; remove {folder} and make it again."
        )
    return spec
