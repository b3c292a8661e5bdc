"""The shapes in which data sets come: folders of splits, or lists that name their images."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ugbench.data.acquire import archives
from ugbench.data.acquire.archives import Entry
from ugbench.data.splits import SPLITS, Split
from ugbench.errors import DataError


def _split_named(text: str) -> Split | None:
    """The split that a folder's or a list's name means."""
    letters = re.sub("[^a-z]", "", text.lower()).removeprefix("list")
    names = {form: split for split in SPLITS for form in (split.lower(), f"{split[-1].lower()}{split[:-1]}")}
    return names.get(letters)


def by_folders(source: Path, images: Sequence[Entry]) -> tuple[dict[Split, list[PurePosixPath]], PurePosixPath]:
    """The images of each split's folder, and the folder that holds these.

    Raises:
        DataError: two folders for one split.
    """
    found: dict[Split, list[PurePosixPath]] = {}
    places: dict[Split, PurePosixPath] = {}
    home = PurePosixPath()
    for entry in images:
        folder = entry.name.parent
        depth = 1 if _split_named(folder.name) else 2
        split = _split_named("".join(folder.parts[-depth:]))
        if split is None:
            continue
        if places.setdefault(split, folder) != folder:
            both = f"{places[split]} and {folder}"
            raise DataError(
                f"{source}: has two folders for {split}, {both}; unpack it and name the folder of one data set."
            )
        home = PurePosixPath(*folder.parts[:-depth])
        found.setdefault(split, []).append(entry.name)
    return found, home


def by_lists(
    source: Path, entries: Sequence[Entry], images: Sequence[Entry], done: set[Split]
) -> tuple[dict[Split, list[PurePosixPath]], list[str], PurePosixPath]:
    """The images of each split that only a list names, what to know of the lists, and the folder of the lists.

    Args:
        done: splits that have a folder.
    Raises:
        DataError: two lists for one split, or one that is no UTF-8 text.
    """
    all_images = {entry.name for entry in images}
    by_name: dict[str, list[PurePosixPath]] = {}
    for image in all_images:
        by_name.setdefault(image.name, []).append(image)
    found: dict[Split, list[PurePosixPath]] = {}
    notes: list[str] = []
    home = PurePosixPath()
    for entry in entries:
        split = _split_named(entry.name.stem) if entry.name.suffix.lower() == ".txt" else None
        if split is None or split in done:
            continue
        if split in found:
            raise DataError(f"{source}: has two lists for {split}, {entry.name} the second; remove one of them.")
        lines = [line.strip() for line in _text(source, entry).splitlines()]
        named = [line for line in lines if line and not line.startswith("#")]
        there: dict[PurePosixPath, None] = {}
        missing = []
        for line in named:
            path = PurePosixPath(posixpath.normpath((entry.name.parent / line).as_posix()))
            alike = by_name.get(path.name, [])
            if path in all_images or len(alike) == 1:
                there[path if path in all_images else alike[0]] = None
            else:
                missing.append(line)
        if missing:
            notes.append(f"{entry.name} names {len(missing)} images that are not there, as {missing[0]}.")
        if there:
            found[split] = list(there)
            home = entry.name.parent
    return found, notes, home


def _text(source: Path, entry: Entry) -> str:
    if source.is_dir():
        return archives.decode((source / entry.name).read_bytes(), str(source / entry.name))
    return archives.read_text(source, entry.name)


def no_shape(images: Sequence[Entry]) -> str:
    """What was found instead of a shape, and the mend."""
    folders = sorted({entry.name.parent.as_posix() if len(entry.name.parts) > 1 else "its top" for entry in images})
    shown = ", ".join(folders[:4]) + (", …" if len(folders) > 4 else "")
    return (
        f"has images in {shown}, but no folder of the name {', '.join(SPLITS)} and no list of that name and .txt; "
        "sort the images into such folders."
    )
