"""What the rows of a table are: their names, and the images that their scores were computed from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ugbench.runs.configurations import Fields, label_with
from ugbench.runs.run import label_of
from ugbench.tables.cells import Cell, ExtraCell

IDENTITY, REAL = "identity", "real"
"""Rows that do not compete: the sources as they are, and training images of the target domain."""

BASE = "full"
"""What the base method is called among its variants."""


class BlockImages(NamedTuple):
    """The images that the scores of a block were computed from, by their content.

    Attributes:
        label: tells the block from the others of its data set and direction; empty if there is no other and the images
            are not known to have changed since.
        sources: test images of the source domain; None if no score of the block names them.
        references, training: test and training images of the target domain; None if no score uses them.
        is_current: whether the data set had these images at the last `ugbench eval`; None if that is not known.
    """

    label: str = ""
    sources: str | None = None
    references: str | None = None
    training: str | None = None
    is_current: bool | None = None


UNKNOWN_IMAGES = BlockImages()


class RowKey(NamedTuple):
    """What identifies a row in a table: the block, and a configuration of a method, a variant or an import.

    Attributes:
        name: tells an imported checkpoint from the other runs of its method.
        config: the fields, with values as JSON, in which the configurations of the method differ; empty where it has
            one. None where the method has several and that of this row is not known, because config.json is missing.
    """

    dataset: str
    direction: str
    method: str
    variant: str | None = None
    name: str | None = None
    config: Fields | None = ()
    images: BlockImages = UNKNOWN_IMAGES


class RowTitle(NamedTuple):
    """A row's display name.

    Attributes:
        text: the whole name: `U-GAT-IT w/o CAM`.
        short: the name in a table of one method's variants: `w/o CAM`, or `full` for the method itself.
        method: the name of the method alone.
    """

    text: str
    short: str
    method: str


@dataclass(frozen=True)
class Row:
    """The scores of one row.

    Attributes:
        cells: by `Column.key`.
        extra: by `ExtraColumn.key`.
        title: the display name; None in a table that keeps the registered names.
    """

    key: RowKey
    cells: Mapping[str, Cell] = field(default_factory=dict)
    extra: Mapping[str, ExtraCell] = field(default_factory=dict)
    title: RowTitle | None = None

    @property
    def name(self) -> str:
        """The row by its registered names: `ugatit`, `ugatit-no-cam`, `ugatit (name)` or `ugatit (steps 30)`."""
        return label_with(label_of(self.key.method, self.key.variant, self.key.name), self.key.config)

    @property
    def label(self) -> str:
        """The row's heading, also in notes: its display name, or the registered names if it has none."""
        return self.name if self.title is None else self.title.text

    @property
    def competes(self) -> bool:
        """False for `identity` and `real`, which are no methods."""
        return self.key.method not in (IDENTITY, REAL)

    @property
    def codes_per_image(self) -> int | None:
        """The number of styles for each image; None for a method without a style, or if cells differ."""
        codes = {cell.codes_per_image for cell in self.cells.values()}
        return codes.pop() if len(codes) == 1 else None

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of the runs that the cells were made from, each once."""
        return tuple(dict.fromkeys(run_id for cell in self.cells.values() for run_id in cell.runs))


def natural(text: str) -> tuple[tuple[int, float, str], ...]:
    """A key that sorts numbers within names by their value: `unit9` before `unit10`.

    Digits after a leading zero are decimals, so that `rho05`, which is 0.5, comes before `rho1`.
    """

    def value(digits: str) -> float:
        return float(f"0.{digits}") if digits.startswith("0") and len(digits) > 1 else float(digits)

    parts = re.split(r"([0-9]+)", text)
    return tuple((0, value(part), part) if part.isdecimal() else (1, 0.0, part) for part in parts if part)


def row_order(key: RowKey) -> tuple[object, ...]:
    """The place of a row among those of its block: methods by name, between `identity` and `real`."""
    place = {IDENTITY: 0, REAL: 2}.get(key.method, 1)
    names = (natural(name or "") for name in (key.method, key.variant, key.name))
    return (place, *names, [natural(value) for _, value in key.config or ()])
