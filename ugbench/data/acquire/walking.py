"""The files below a user's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath

from ugbench.data.acquire.archives import SourceFile


def walk_folder(folder: Path) -> Iterator[SourceFile]:
    """The files below a folder. Links are followed, and each real folder is visited once."""
    visited: set[Path] = set()
    for parent, subfolders, names in os.walk(folder, followlinks=True):
        subfolders.sort()  # so that of two links to one folder the same one is followed on every disk
        real = Path(parent).resolve()
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        for name in names:
            path = Path(parent) / name
            if path.is_file():
                yield SourceFile(PurePosixPath(path.relative_to(folder).as_posix()), path.stat().st_size)


def count_broken_links(folder: Path) -> int:
    """The number of links below a folder that lead to nothing."""
    return sum(path.is_symlink() and not path.exists() for path in folder.rglob("*"))


def is_hidden(name: PurePath) -> bool:
    """True if a file of this relative name is hidden, or lies in a hidden folder or in one that macOS adds to zips."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.parts)
