"""A data set: a folder with subfolders trainA, trainB, testA and testB of images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.data.dial.spec import DialSpec, read_spec
from ugbench.data.images import is_image, list_images
from ugbench.data.known_files import open_known_files
from ugbench.data.splits import SPLITS, Split
from ugbench.errors import DataError
from ugbench.file_names import as_bytes, readable


@dataclass(frozen=True)
class DataSet:
    """A folder with at least one split.

    Attributes:
        name: the name of the folder; a byte that is not UTF-8 is `%E9` in it.
        root: the path of the folder.
        dial: the settings that the data set was drawn with if it is a dial, else None.
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
        """True if the split's folder exists and holds an image."""
        folder = self.root / split
        return folder.is_dir() and any(map(is_image, folder.iterdir()))

    def splits(self) -> tuple[Split, ...]:
        """The splits that hold an image."""
        return tuple(split for split in SPLITS if self.has(split))

    def link_out(self, split: Split) -> Path | None:
        """The split's folder, or an image in it, if it is a link that leads out of the data set's folder; else None."""
        root, folder = self.root.resolve(), self.root / split
        if not folder.resolve().is_relative_to(root):
            return folder
        with os.scandir(folder) as entries:
            links = [Path(entry.path) for entry in entries if entry.is_symlink()]
        return next((path for path in links if is_image(path) and not path.resolve().is_relative_to(root)), None)

    def fingerprint(self, splits: Iterable[Split], skip: Collection[str] = ()) -> str:
        """SHA-256 in hex over the sorted lines (relative name, SHA-256 of the content) of the images of these splits.

        Args:
            skip: relative names ("trainA/7.png") of images to leave out.
        Raises:
            DataError: a split is missing or empty, or a file cannot be read.
        """
        digest = hashlib.sha256()
        with open_known_files() as known:
            for split in sorted(set(splits)):
                for path in self.split(split):
                    name = f"{split}/{path.name}"
                    if name not in skip:
                        if path not in self._digests:
                            self._digests[path] = known.sha256(path)
                        digest.update(as_bytes(f"{name}\0{self._digests[path]}\n"))
        return digest.hexdigest()


def open_dataset(root: Path) -> DataSet:
    """The data set in a folder.

    Raises:
        DataError: there is no such folder, it has no split, or its dial.json is damaged.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name a folder with subfolders {', '.join(SPLITS)}.")
    dial = read_spec(root)
    if not has_splits(root):
        raise DataError(f"{root}: has none of the subfolders {', '.join(SPLITS)}; put the images in those.")
    return DataSet(readable(root.resolve().name), root, dial)


def has_splits(folder: Path) -> bool:
    """True if the folder has a subfolder named as a split, even an empty one."""
    return any((folder / split).is_dir() for split in SPLITS)
