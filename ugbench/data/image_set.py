"""A set of images, and those of it that are scored: of near-duplicates only one.

Errors, intervals and tests of scores take images as independent. Frames of one film, or crops of one photograph, are
not: they are as good as one image that counts several times (docs/statistics.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ugbench.data.folders import name_some
from ugbench.data.images import read_image
from ugbench.data.known_files import open_known_files


@dataclass(frozen=True)
class ImageSet:
    """A set of images.

    Attributes:
        files: of all images.
        scored: the files of the images that are scored, in the same order: the first image of each cluster of
            near-duplicates (`ugbench.data.clusters`), or all images.
    """

    files: tuple[Path, ...]
    scored: tuple[Path, ...]

    @property
    def left_out(self) -> int:
        """The number of images that are not scored."""
        return len(self.files) - len(self.scored)


def describe_left_out(images: ImageSet) -> str:
    """A sentence about the images that are not scored, for a set that has some."""
    scored = set(images.scored)
    names = [path.name for path in images.files if path not in scored]
    verb = "is a near-duplicate of another one and is" if len(names) == 1 else "are near-duplicates of others and are"
    folder = images.files[0].parent
    return f"{folder}: {len(names)} of {len(images.files)} images {verb} not scored: {name_some(names)}."


def all_of(files: Sequence[Path]) -> ImageSet:
    """The set of these files, of which all are scored."""
    return ImageSet(tuple(files), tuple(files))


def one_per_cluster(files: Sequence[Path]) -> ImageSet:
    """The set of these files, of which the first of each cluster of near-duplicates is scored.

    Raises:
        DataError: an image cannot be read.
    """
    firsts: dict[int, Path] = {}
    for number, path in zip(clusters_of(files), files, strict=True):
        firsts.setdefault(number, path)
    return ImageSet(tuple(files), tuple(firsts.values()))


def clusters_of(files: Sequence[Path]) -> list[int]:
    """The number of each image's cluster, see `ugbench.data.clusters`; appearances are remembered between calls.

    Raises:
        DataError: an image cannot be read.
    """
    from ugbench.data.clusters import clusters
    from ugbench.data.duplicates import appearance_of, from_bytes, to_bytes

    def compute(path: Path) -> bytes:
        return to_bytes(appearance_of(read_image(path)))

    with open_known_files() as known:
        return clusters([from_bytes(known.from_content("appearance", path, compute)) for path in files])
