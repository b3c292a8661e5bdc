"""What the rows of a table are: their names, and the images that their scores were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ugbench.runs.configurations import Fields, label_with
from ugbench.runs.run import label_of
from ugbench.tables.cells import Cell, ExtraCell

IDENTITY, REAL = "identity", "real"
"""Rows that do not compete: the sources as they are, and training images of the target domain."""


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


@dataclass(frozen=True)
class Row:
    """The scores of one row.

    Attributes:
        cells: by `Column.key`.
        extra: by `ExtraColumn.key`.
    """

    key: RowKey
    cells: Mapping[str, Cell] = field(default_factory=dict)
    extra: Mapping[str, ExtraCell] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The row's heading: `ugatit`, `ugatit-no-cam`, `ugatit (name)` or `ugatit (steps 30)`."""
        return label_with(label_of(self.key.method, self.key.variant, self.key.name), self.key.config)

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
