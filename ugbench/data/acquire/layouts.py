"""The two layouts of a download that are recognised: a folder for each split, or a list for each split.

- Folders: trainA, trainB, testA and testB at any depth, as in the archives of CycleGAN, DRIT and U-GAT-IT. Their names
  may also be train_a, train/A or A/train. Only images directly in such a folder count.
- Lists, for a split without such a folder: a text file trainA.txt, train_a.txt or list_trainA.txt names one image per
  line, by its path from the folder of the text file, or by a file name that only one image has. Empty lines and lines
  that begin with # are ignored.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ugbench.data.acquire import archives
from ugbench.data.acquire.archives import SourceFile
from ugbench.data.splits import SPLITS, Split, split_called
from ugbench.errors import DataError


@dataclass(frozen=True)
class Layout:
    """What one kind of layout gives.

    Attributes:
        images: the images of each split that was recognised.
        parent: the folder that holds the splits' folders, or the lists.
        notes: sentences about what does not fit.
    """

    images: dict[Split, list[PurePosixPath]]
    parent: PurePosixPath
    notes: tuple[str, ...] = ()


def find_folders(source: Path, images: Sequence[SourceFile]) -> Layout:
    """The images in folders that are splits.

    Raises:
        DataError: two folders are the same split.
    """
    by_split: dict[Split, list[PurePosixPath]] = {}
    folders: dict[Split, PurePosixPath] = {}
    parent = PurePosixPath()
    for image in images:
        folder = image.name.parent
        depth = 1 if split_called(folder.name) else 2
        split = split_called("".join(folder.parts[-depth:]))
        if split is None:
            continue
        if folders.setdefault(split, folder) != folder:
            raise DataError(
                f"{source}: has two folders for {split}, {folders[split]} and {folder}; unpack it and name the folder "
                "of one data set."
            )
        parent = PurePosixPath(*folder.parts[:-depth])
        by_split.setdefault(split, []).append(image.name)
    return Layout(by_split, parent)


def find_lists(source: Path, files: Sequence[SourceFile], images: Sequence[SourceFile], done: set[Split]) -> Layout:
    """The images that are named by lists.

    Args:
        done: splits that have a folder; lists for these are ignored.
    Raises:
        DataError: two lists are for the same split, or a list is not UTF-8 text.
    """
    paths = {image.name for image in images}
    by_name: dict[str, list[PurePosixPath]] = {}
    for path in paths:
        by_name.setdefault(path.name, []).append(path)
    by_split: dict[Split, list[PurePosixPath]] = {}
    notes: list[str] = []
    parent = PurePosixPath()
    for file in files:
        split = split_called(file.name.stem) if file.name.suffix.lower() == ".txt" else None
        if split is None or split in done:
            continue
        if split in by_split:
            raise DataError(f"{source}: has two lists for {split}, {file.name} the second; remove one of them.")
        listed: dict[PurePosixPath, None] = {}  # keeps the order and drops repetitions
        missing = []
        for line in _read_list(source, file):
            path = PurePosixPath(posixpath.normpath((file.name.parent / line).as_posix()))
            candidates = [path] if path in paths else by_name.get(path.name, [])
            if len(candidates) == 1:
                listed[candidates[0]] = None
            else:
                missing.append(line)
        if missing:
            notes.append(f"{file.name} names {len(missing)} images that are not there, as {missing[0]}.")
        if listed:
            by_split[split] = list(listed)
            parent = file.name.parent
    return Layout(by_split, parent, tuple(notes))


def describe_unknown(images: Sequence[SourceFile]) -> str:
    """Where the images are if no layout was recognised, and how to fix that; the end of an error message."""
    folders = sorted({image.name.parent.as_posix() if len(image.name.parts) > 1 else "its top" for image in images})
    shown = ", ".join(folders[:4]) + (", …" if len(folders) > 4 else "")
    return (
        f"has images in {shown}, but no folder that is called {', '.join(SPLITS)} and no list that is called "
        f"{SPLITS[0]}.txt or like another split; sort the images into such folders."
    )


def read_text(source: Path, file: SourceFile) -> str:
    """The text of a small file in an archive or a folder.

    Raises:
        DataError: the file is not UTF-8, or, in an archive, too long or damaged.
    """
    if source.is_dir():
        return archives.decode((source / file.name).read_bytes(), str(source / file.name))
    return archives.read_text(source, file.name)


def _read_list(source: Path, file: SourceFile) -> list[str]:
    lines = map(str.strip, read_text(source, file).splitlines())
    return [line for line in lines if line and not line.startswith("#")]
