"""Data sets: folders trainA, trainB, testA and testB of images, found by name, by path or made as a dial."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ugbench.data import catalog
from ugbench.data.dial import DialSpec, parse, read_spec, write
from ugbench.data.images import Progress, is_image, list_images, read_image
from ugbench.errors import DataError, UnknownName

Split = Literal["trainA", "trainB", "testA", "testB"]
SPLITS: tuple[Split, ...] = ("trainA", "trainB", "testA", "testB")
TRAIN: Mapping[str, Split] = MappingProxyType({"A": "trainA", "B": "trainB"})
TEST: Mapping[str, Split] = MappingProxyType({"A": "testA", "B": "testB"})


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
                    total.update(f"{name}\0{_sha256(path)}\n".encode())
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
    if not _has_splits(root):
        raise DataError(f"{root}: has none of the subfolders {', '.join(SPLITS)}; put the images in those.")
    return found


def list_datasets(data_root: Path) -> list[str]:
    """Names of the data sets in the data root, sorted; none where there is no such folder."""
    if not data_root.is_dir():
        return []
    return sorted(
        folder.name for folder in data_root.iterdir() if not folder.name.startswith(".") and _has_splits(folder)
    )


def _has_splits(folder: Path) -> bool:
    return any((folder / split).is_dir() for split in SPLITS)


def resolve(text: str, data_root: Path, progress: Progress | None = None) -> DataSet:
    """The data set that `text` names.

    Args:
        text: a name in the data root, a path, or `dial[:shape=S,texture=T,size=N,train=N,test=N,seed=K]`,
            which the first call renders into the data root: from then on it is a folder like any other.
        progress: called while a dial is rendered.
    Raises:
        UnknownName: none of these; or no such field of a dial.
        DataError: a published data set that is not there yet, a folder without splits, a bad value of a dial, or
            no way to write it.
    """
    if text.partition(":")[0] == "dial":
        return _dial(parse(text), data_root, progress)
    folders = [path for path in (data_root / text, Path(text)) if text and path.is_dir()]
    if folders:
        return open_dataset(next(filter(_has_splits, folders), folders[0]))
    beside = Path(text).parent
    neighbours = [str(beside / name) for name in list_datasets(beside)] if beside != Path() else []
    known = catalog.find(Path(text).name)
    if known is not None:
        where = data_root if beside == Path() else beside
        raise DataError(f"data set {text}: not in {where} yet; {known.way}.")
    if beside != Path() and not neighbours:
        raise DataError(f"{text}: no such folder; name one with subfolders {', '.join(SPLITS)}, or a data set's name.")
    published = [one.name for one in catalog.KNOWN]
    raise UnknownName("data set", text, neighbours or {"dial", *published, *list_datasets(data_root)})


def _dial(spec: DialSpec, data_root: Path, progress: Progress | None) -> DataSet:
    target = data_root / spec.name
    if not target.exists():
        try:
            _render(spec, target, progress)
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(
                f"{target}: cannot be written ({reason}); make room, or give another --data-root."
            ) from error
    found = open_dataset(target)
    if found.dial != spec:
        raise DataError(f"{target}: not the dial that its name says; remove the folder and run this again.")
    return found


def _render(spec: DialSpec, target: Path, progress: Progress | None) -> None:
    """Write a dial whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{spec.name}-", dir=target.parent) as work:
        made = Path(work) / spec.name  # one level down: the temporary folder itself is private to the user
        write(spec, made, progress)
        try:
            made.rename(target)
        except OSError:
            if not target.exists():
                raise
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
