"""Data sets: folders trainA, trainB, testA and testB of images, found by name, by path or made as a dial."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.data.dial.spec import DialSpec, read_spec
from ugbench.data.images import Progress, is_image, list_images, read_image
from ugbench.data.splits import SPLITS, Split
from ugbench.errors import DataError


@dataclass(frozen=True)
class DataSet:
    """A folder with at least one split.

    Attributes:
        name: the folder's own.
        root: the folder.
        dial: how it was made, where it is a dial.
    """

    name: str
    root: Path
    dial: DialSpec | None
    # SHA-256 of each file that was hashed, by path: a file is hashed once in the life of this object.
    _digests: dict[Path, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def split(self, split: Split) -> list[Path]:
        """The images of a split, sorted by name.

        Raises:
            DataError: the split is missing or empty.
        """
        return list_images(self.root / split)

    def has(self, split: Split) -> bool:
        """Whether the split is there and holds an image."""
        folder = self.root / split
        return folder.is_dir() and any(map(is_image, folder.iterdir()))

    def splits(self) -> tuple[Split, ...]:
        """The splits whose folders are there."""
        return tuple(split for split in SPLITS if self.has(split))

    def fingerprint(self, splits: Iterable[Split], skip: Collection[str] = ()) -> str:
        """SHA-256 of the sorted (relative name, SHA-256 of the content) of the splits' images, in hex.

        Args:
            skip: relative names ("trainA/7.png") to leave out.
        Raises:
            DataError: a split is missing or empty, or a file cannot be read.
        """
        total = hashlib.sha256()
        for split in sorted(set(splits)):
            for path in self.split(split):
                name = f"{split}/{path.name}"
                if name not in skip:
                    if path not in self._digests:
                        self._digests[path] = _sha256(path)
                    total.update(f"{name}\0{self._digests[path]}\n".encode())
        return total.hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); replace or remove it.") from error


def open_dataset(root: Path) -> DataSet:
    """The data set in a folder.

    Raises:
        DataError: there is no such folder, it has no split, or its dial.json is damaged.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name a folder with subfolders {', '.join(SPLITS)}.")
    found = DataSet(root.resolve().name, root, read_spec(root))
    if not has_splits(root):
        raise DataError(f"{root}: has none of the subfolders {', '.join(SPLITS)}; put the images in those.")
    return found


def has_splits(folder: Path) -> bool:
    return any((folder / split).is_dir() for split in SPLITS)

    # Another process made the same dial meanwhile; its folder serves as well.


def check_training(
    dataset: DataSet, skip_bad: bool = False, progress: Progress | None = None
) -> tuple[dict[str, list[Path]], list[str]]:
    """Decode every training image before the first step.

    Args:
        skip_bad: leave unreadable images out instead of raising.
    Returns:
        The readable images of "trainA" and "trainB", and the relative names ("trainA/7.png") of the others.
    Raises:
        DataError: a split is missing or empty; an image is unreadable; with skip_bad, all of a split are.
    """
    splits: tuple[Split, Split] = ("trainA", "trainB")
    listed = {split: dataset.split(split) for split in splits}
    total, done = sum(map(len, listed.values())), 0
    good: dict[str, list[Path]] = {split: [] for split in splits}
    skipped: list[str] = []
    for split, paths in listed.items():
        for path in paths:
            try:
                read_image(path)
            except DataError as error:
                if not skip_bad:
                    raise DataError(f"{str(error).rstrip('.')}, or give --skip-bad.") from error
                skipped.append(f"{split}/{path.name}")
            else:
                good[split].append(path)
            done += 1
            if progress is not None:
                progress(done, total)
        if not good[split]:
            raise DataError(f"{dataset.root / split}: none of its {len(paths)} images is readable; replace them.")
    return good, skipped
