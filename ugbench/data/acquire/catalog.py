"""Published data sets, as catalog.json lists them: the five of the U-GAT-IT paper, then the others of CycleGAN.

The counts are those of Kim et al. (ICLR 2020). The pages that publish the images sometimes give other counts, so a
count that differs causes a note and no error. Addresses are those of the authors' scripts:
datasets/download_cyclegan_dataset.sh of junyanz/pytorch-CycleGAN-and-pix2pix and datasets/download_dataset.sh of
HsinYingLee/DRIT. Neither states the size or a hash of an archive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from ugbench.data.data_root import DATA_ROOT, data_root_option


@dataclass(frozen=True)
class KnownDataSet:
    """A published data set.

    Attributes:
        name: the name for --dataset, once the data set is imported.
        images: the number of images of each split in the U-GAT-IT paper; None if it does not use the data set.
        source: address of the page that tells how to get it.
        archive: name of the file that is downloaded there; empty if there is no such file.
        licence: what is known about the licence of the images.
        layout: what the archive holds and how it is imported.
        also: other names of the archive or of the folder in it.
        note: a remark about the counts; may be empty.
        address: from which `ugbench data get` fetches the archive; empty if a person has to get it from the source.
        how: how to get it, if it is not one archive of the source; the end of a sentence. Else empty.
    """

    name: str
    images: Mapping[str, int] | None
    source: str
    archive: str
    licence: str
    layout: str
    also: Sequence[str] = ()
    note: str = ""
    address: str = ""
    how: str = ""

    def command(self, data_root: Path = DATA_ROOT) -> str:
        """The command that puts the data set into the data root, for some after a download by hand; it may be empty."""
        if self.address:
            return f"ugbench data get {self.name}{data_root_option(data_root)}"
        if self.archive:
            return f"ugbench data import {self.archive} --name {self.name}{data_root_option(data_root)}"
        return ""

    def how_to_get(self, data_root: Path = DATA_ROOT) -> str:
        """How to get the data set, as the end of a sentence."""
        if self.address:
            return f"`{self.command(data_root)}` downloads it"
        return self.how or f"get {self.archive} as {self.source} says, then run `{self.command(data_root)}`"


_AS_IT_IS = "folders trainA, trainB, testA and testB, kept as they are"
_CONTENT = files("ugbench.data.acquire").joinpath("catalog.json").read_text(encoding="utf-8")
KNOWN = tuple(KnownDataSet(**entry) for entry in json.loads(_CONTENT))


def find(name: str) -> KnownDataSet | None:
    """The data set with exactly this name, or None.

    By the name of an archive, as vangogh2photo, the data set is found as it lies in the archive; A and B then do not
    change places, and the paper's numbers of images, which are those of photo2vangogh, are not given.
    """
    for known in KNOWN:
        if name == known.name:
            return known
        if name in known.also:
            return replace(known, name=name, images=None, layout=_AS_IT_IS, also=(), note="")
    return None


def recognise(name: str) -> KnownDataSet | None:
    """The data set in an archive or a folder with this name, in upper or lower case; None if it is not known."""
    return next((known for known in KNOWN if name.lower() in (known.name, *known.also)), None)
