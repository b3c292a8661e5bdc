"""The five data sets of the U-GAT-IT paper: what they hold and where a user gets them.

Nothing here is downloaded. Counts are those of Kim et al. (ICLR 2020); the pages that publish the
images give other ones at times, so a count that differs is worth a note and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CYCLEGAN = "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/docs/datasets.md"
DRIT = "https://github.com/HsinYingLee/DRIT"
UGATIT = "https://github.com/taki0112/UGATIT"


@dataclass(frozen=True)
class KnownSet:
    """A published data set.

    Attributes:
        name: what --dataset takes, once it is imported.
        images: the paper's number of images of each split.
        source: the page that says how to get it.
        archive: the file that one gets there.
        also: other names that the archive or the folder in it has.
        licence: what is known of the images' licence.
        layout: what the archive holds, and what becomes of it.
        note: what to know of the counts; may be empty.
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
        """The import that makes it a data set of the data root."""
        return f"ugbench data import {self.archive} --name {self.name}"

    @property
    def way(self) -> str:
        """How to get it, as the end of a sentence."""
        return f"get {self.archive} as {self.source} says, then run `{self.command}`"


def _images(train_a: int, train_b: int, test_a: int, test_b: int) -> dict[str, int]:
    return {"trainA": train_a, "trainB": train_b, "testA": test_a, "testB": test_b}


_FOLDERS = "folders trainA, trainB, testA and testB, kept as they are"

KNOWN = (
    KnownSet(
        name="selfie2anime",
        images=_images(3400, 3400, 100, 100),
        source=UGATIT,
        archive="selfie2anime.zip",
        licence="none is stated for the images",
        layout=_FOLDERS,
    ),
    KnownSet(
        name="horse2zebra",
        images=_images(1067, 1334, 120, 140),
        source=CYCLEGAN,
        archive="horse2zebra.zip",
        licence="photographs from ImageNet, whose terms are non-commercial research and education",
        layout=_FOLDERS,
        note="the page itself gives 939 and 1177 images",
    ),
    KnownSet(
        name="cat2dog",
        images=_images(771, 1264, 100, 100),
        source=DRIT,
        archive="cat2dog.zip",
        licence="none is stated; photographs found by Google Images",
        layout=_FOLDERS,
        note="the page gives 871 cats and 1364 dogs in all",
    ),
    KnownSet(
        name="photo2portrait",
        images=_images(6452, 1811, 751, 400),
        source=DRIT,
        archive="portrait.zip",
        licence="photographs from CelebA, whose terms are non-commercial research; paintings from WikiArt",
        layout=_FOLDERS,
        also=("portrait",),
        note="the page gives 6452 photographs and 1811 portraits in all, which the paper counts as training images",
    ),
    KnownSet(
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


def find(name: str) -> KnownSet | None:
    """The data set of exactly this name; None where the catalogue has none."""
    return next((known for known in KNOWN if known.name == name), None)


def recognise(name: str) -> KnownSet | None:
    """The data set that an archive or a folder of this name holds, whatever the case; None: not known."""
    return next((known for known in KNOWN if name.lower() in (known.name, *known.also)), None)
