"""The five data sets of the U-GAT-IT paper, as catalog.json lists them: what they hold and where to get them.

Nothing is downloaded. The counts are those of Kim et al. (ICLR 2020). The pages that publish the images sometimes give
other counts, so a count that differs causes a note and no error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class KnownDataSet:
    """A published data set.

    Attributes:
        name: the name for --dataset, once the data set is imported.
        images: the number of images of each split in the paper.
        source: address of the page that tells how to get it.
        archive: name of the file that is downloaded there.
        licence: what is known about the licence of the images.
        layout: what the archive holds and how it is imported.
        also: other names of the archive or of the folder in it.
        note: a remark about the counts; may be empty.
    """

    name: str
    images: Mapping[str, int]
    source: str
    archive: str
    licence: str
    layout: str
    also: Sequence[str] = ()
    note: str = ""

    @property
    def command(self) -> str:
        """The command that imports the archive into the data root."""
        return f"ugbench data import {self.archive} --name {self.name}"

    @property
    def how_to_get(self) -> str:
        """How to get the data set, as the end of a sentence."""
        return f"get {self.archive} as {self.source} says, then run `{self.command}`"


_CONTENT = files("ugbench.data.acquire").joinpath("catalog.json").read_text(encoding="utf-8")
KNOWN = tuple(KnownDataSet(**entry) for entry in json.loads(_CONTENT))


def find(name: str) -> KnownDataSet | None:
    """The data set with exactly this name, or None."""
    return next((known for known in KNOWN if known.name == name), None)


def recognise(name: str) -> KnownDataSet | None:
    """The data set in an archive or a folder with this name, in upper or lower case; None if it is not known."""
    return next((known for known in KNOWN if name.lower() in (known.name, *known.also)), None)
