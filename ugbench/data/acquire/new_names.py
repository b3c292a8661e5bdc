"""The names that photographs get in a data set: no two of one stem, whatever their suffixes and subfolders."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import count
from pathlib import Path, PurePosixPath

from ugbench.errors import DataError
from ugbench.file_names import as_bytes, readable

LONGEST = 255  # bytes of a file's name


def new_names(folder: Path, images: Sequence[PurePosixPath]) -> list[str]:
    """The new file name of each image.

    A name is the old one, after the names of its subfolders, joined by "-". An output is named by the stem of its
    source, so of several images with one stem, as a.jpg and a.png, the later ones get a number: a-2.png. Stems that
    differ in the case of letters alone count as one, because some file systems take them so.

    Args:
        folder: the folder, for errors.
        images: paths from the folder, sorted.
    Raises:
        DataError: two images get the same name, or a name is too long.
    """
    joined: dict[str, PurePosixPath] = {}
    for image in images:
        name = "-".join(image.parts)
        if len(as_bytes(name)) > LONGEST - len("-99999"):
            raise DataError(
                f"{readable(str(folder / image))}: its name would have more than {LONGEST} letters once those of its "
                "folders are added; shorten one of them."
            )
        other = joined.setdefault(name, image)
        if other != image:
            raise DataError(
                f"{readable(str(folder / other))} and {readable(str(folder / image))} would both be called "
                f"{readable(name)} in the data set; rename one of them."
            )
    taken = {_key(PurePosixPath(name).stem) for name in joined}
    seen: set[str] = set()
    names = []
    for name in joined:
        path = PurePosixPath(name)
        if _key(path.stem) in seen:
            stem = next(stem for k in count(2) if _key(stem := f"{path.stem}-{k}") not in taken)
            path = path.with_name(f"{stem}{path.suffix}")
            taken.add(_key(stem))
        seen.add(_key(path.stem))
        names.append(path.name)
    return names


def _key(stem: str) -> str:
    """A form that is equal for two stems if some file system takes them for the same."""
    return unicodedata.normalize("NFC", stem).casefold()
