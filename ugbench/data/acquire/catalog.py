"""The five data sets of the U-GAT-IT paper: what they hold and where to get them.

Nothing is downloaded. The counts are those of Kim et al. (ICLR 2020). The pages that publish the images sometimes give
other counts, so a count that differs causes a note and no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CYCLEGAN = "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/docs/datasets.md"
DRIT = "https://github.com/HsinYingLee/DRIT"
UGATIT = "https://github.com/taki0112/UGATIT"


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
    also: tuple[str, ...] = ()
    note: str = ""

    @property
    def command(self) -> str:
        """The command that imports the archive into the data root."""
        return f"ugbench data import {self.archive} --name {self.name}"

    @property
    def how_to_get(self) -> str:
        """How to get the data set, as the end of a sentence."""
        return f"get {self.archive} as {self.source} says, then run `{self.command}`"


def _images(train_a: int, train_b: int, test_a: int, test_b: int) -> dict[str, int]:
    return {"trainA": train_a, "trainB": train_b, "testA": test_a, "testB": test_b}


_FOLDERS = "folders trainA, trainB, testA and testB, kept as they are"

KNOWN = (
    KnownDataSet(
        name="selfie2anime",
        images=_images(3400, 3400, 100, 100),
        source=UGATIT,
        archive="selfie2anime.zip",
        licence="none is stated for the images",
        layout=_FOLDERS,
    ),
    KnownDataSet(
        name="horse2zebra",
        images=_images(1067, 1334, 120, 140),
        source=CYCLEGAN,
        archive="horse2zebra.zip",
        licence="photographs from ImageNet, whose terms are non-commercial research and education",
        layout=_FOLDERS,
        note="the page itself gives 939 and 1177 images",
    ),
    KnownDataSet(
        name="cat2dog",
        images=_images(771, 1264, 100, 100),
        source=DRIT,
        archive="cat2dog.zip",
        licence="none is stated; photographs found by Google Images",
        layout=_FOLDERS,
        note="the page gives 871 cats and 1364 dogs in all",
    ),
    KnownDataSet(
        name="photo2portrait",
        images=_images(6452, 1811, 751, 400),
        source=DRIT,
        archive="portrait.zip",
        licence="photographs from CelebA, whose terms are non-commercial research; paintings from WikiArt",
        layout=_FOLDERS,
        also=("portrait",),
        note="the page gives 6452 photographs and 1811 portraits in all, which the paper counts as training images",
    ),
    KnownDataSet(
        name="photo2vangogh",
        images=_images(6287, 400, 751, 400),
        source=CYCLEGAN,
        archive="vangogh2photo.zip",
        licence="photographs from Flickr, paintings from WikiArt; none is stated for the whole",
        layout="folders trainA, trainB, testA and testB of vangogh2photo; A and B change places",
        also=("vangogh2photo",),
        note="the 400 test paintings may be the 400 training paintings; `ugbench data check` tells",
    ),
)


def find(name: str) -> KnownDataSet | None:
    """The data set with exactly this name, or None."""
    return next((known for known in KNOWN if known.name == name), None)


def recognise(name: str) -> KnownDataSet | None:
    """The data set in an archive or a folder with this name, in upper or lower case; None if it is not known."""
    return next((known for known in KNOWN if name.lower() in (known.name, *known.also)), None)
