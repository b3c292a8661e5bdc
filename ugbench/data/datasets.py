"""A data set: a folder with subfolders trainA, trainB, testA and testB of images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.data.dataset_json import read_statements
from ugbench.data.dial.spec import DialSpec, read_spec
from ugbench.data.images import image_names, is_image, is_image_entry, list_images
from ugbench.data.known_files import open_known_files
from ugbench.data.links import check_links
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import SPLITS, Split, split_called
from ugbench.data.unsorted import describe_unsorted
from ugbench.errors import DataError
from ugbench.file_names import as_bytes, readable


@dataclass(frozen=True)
class DataSet:
    """A folder with at least one split. Where a method takes a `str`, the split may also be a further folder.

    Attributes:
        name: the name of the folder; a byte that is not UTF-8 is `%E9` in it.
        root: the path of the folder.
        dial: the settings that the data set was drawn with if it is a dial, else None.
        states_pairs: True if its dataset.json states that test images of equal stems are pairs.
    """

    name: str
    root: Path
    dial: DialSpec | None
    states_pairs: bool = False
    # SHA-256 of each file that was hashed, by relative name: a file is hashed once in the life of this object.
    _digests: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    # Fingerprints by a hash of the relative names of their images.
    _fingerprints: dict[bytes, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def paired(self) -> bool:
        """True if test images of equal stems are pairs: each is the true translation of the other."""
        return self.states_pairs or self.dial is not None

    def folder(self, split: str) -> Path:
        """The folder of a split, which need not exist: a folder whose name differs in case alone, as TrainA, is taken.

        Raises:
            DataError: several folders differ in case alone.
        """
        return _folder_of(self.root, split)

    def near_names(self) -> dict[str, Split]:
        """Folders that are no splits and are called nearly so: train_A, train/A or A/train, with the split that each
        may be meant for.
        """
        return _near_names(self.root)

    def split(self, split: str) -> list[Path]:
        """The images of a split, sorted by name.

        Raises:
            DataError: the split is missing or empty.
        """
        return list_images(self.folder(split))

    def has(self, split: str) -> bool:
        """True if the split's folder exists and holds an image."""
        folder = self.folder(split)
        if not folder.is_dir():
            return False
        with os.scandir(folder) as entries:
            return any(map(is_image_entry, entries))

    def splits(self) -> tuple[Split, ...]:
        """The splits that hold an image."""
        return tuple(split for split in SPLITS if self.has(split))

    def link_out(self, split: Split) -> Path | None:
        """The split's folder, or an image in it, if it is a link that leads out of the data set's folder; else None."""
        root, folder = self.root.resolve(), self.folder(split)
        if not folder.resolve().is_relative_to(root):
            return folder
        with os.scandir(folder) as entries:
            links = [Path(entry.path) for entry in entries if entry.is_symlink()]
        return next((path for path in links if is_image(path) and not path.resolve().is_relative_to(root)), None)

    def fingerprint(
        self,
        splits: Iterable[str],
        skip: Collection[str] = (),
        progress: Progress | None = None,
        replaced: Mapping[str, str] | None = None,
    ) -> str:
        """SHA-256 in hex over the sorted lines (relative name, SHA-256 of the content) of the images of these splits.

        Args:
            skip: relative names ("trainA/7.png") of images to leave out.
            progress: called after each image.
            replaced: the SHA-256 of the former content of images, by relative name, in place of that of today.
        Raises:
            DataError: a split is missing or empty, or a file cannot be read.
        """
        left_out, folders = set(skip), {split: self.folder(split) for split in set(splits)}
        listed = [f"{split}/{name}" for split in sorted(folders) for name in image_names(folders[split])]
        names = [name for name in listed if name not in left_out]
        listing = hashlib.sha256(as_bytes("\0".join(names))).digest()
        if replaced is None and listing in self._fingerprints:
            return self._fingerprints[listing]
        digest = hashlib.sha256()
        with open_known_files() as known:
            for name in tracked(names, len(names), progress):
                if name not in self._digests:
                    split, _, file = name.partition("/")
                    self._digests[name] = known.sha256(folders[split] / file)
                content = (replaced or {}).get(name, self._digests[name])
                digest.update(as_bytes(f"{name}\0{content}\n"))
        if replaced is None:
            self._fingerprints[listing] = digest.hexdigest()
        return digest.hexdigest()


def open_dataset(root: Path, data_root: Path | None = None) -> DataSet:
    """The data set in a folder.

    Args:
        data_root: the folder of data sets for the command in an error that makes one of unsorted images; None is the
            default.
    Raises:
        DataError: there is no such folder, it has no split, its dial.json or dataset.json is damaged, or it holds a
            link that its dataset.json should record and does not.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; name a folder with subfolders {', '.join(SPLITS)}.")
    dial = read_spec(root)
    if not has_splits(root):
        near = _near_names(root)
        if not near:
            raise DataError(f"{describe_unsorted(root, data_root)}.")
        fix = f"rename {' and '.join(near)}, or run `ugbench data import {root}`"
        raise DataError(f"{root}: has none of the subfolders {', '.join(SPLITS)}; {fix}.")
    statements = read_statements(root)
    if statements.links is not None:
        check_links(root, statements.links)
    return DataSet(readable(root.resolve().name), root, dial, statements.pairs)


def has_splits(folder: Path) -> bool:
    """True if the folder has a subfolder named as a split, even an empty one; the case of its name does not matter."""
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return False
    names = set(map(str.lower, SPLITS))
    return any(path.name.lower() in names and path.is_dir() for path in folder.iterdir())


def _folder_of(root: Path, split: str) -> Path:
    folder = root / split
    if folder.is_dir() or not root.is_dir():
        return folder
    others = [path for path in root.iterdir() if path.name.lower() == split.lower() and path.is_dir()]
    if len(others) > 1:
        names = " and ".join(sorted(path.name for path in others))
        raise DataError(f"{root}: {names} may both be {split}; rename the one that is.")
    return others[0] if others else folder


def _near_names(root: Path) -> dict[str, Split]:
    near: dict[str, Split] = {}
    for path in sorted(root.iterdir()):
        if not path.is_dir() or path.name.lower() in map(str.lower, SPLITS):
            continue
        split = split_called(path.name)
        if split is not None:
            near[path.name] = split
        elif path.name.lower() in ("a", "b", "train", "test"):
            pairs = [(f"{path.name}/{below.name}", below) for below in sorted(path.iterdir()) if below.is_dir()]
            near |= {name: split for name, _ in pairs if (split := split_called(name))}
    return near
