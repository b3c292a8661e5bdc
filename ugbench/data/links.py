"""Links in a data set whose dataset.json records them: each must lead where it led when the data set was made.

A data set that `ugbench data import --link` makes consists of links to photographs that lie elsewhere. Its dataset.json
records each of them. A link that is not recorded, or that leads to another path, may show other images than those that
were imported, so it is refused. A data set that records no links may hold any.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ugbench.data.dataset_json import DATASET_JSON
from ugbench.errors import DataError
from ugbench.file_names import readable


def check_links(root: Path, recorded: Mapping[str, str]) -> None:
    """Check all links in the folder of a data set and in its subfolders against those that its dataset.json records.

    The text of a link is compared, and not the place to which the system resolves it, because the same folder can have
    several places on the machines of a cluster. What was imported may itself be a link of its owner.

    Args:
        recorded: the path that each link leads to, by its relative name ("trainA/1.jpg").
    Raises:
        DataError: a link is not recorded, leads to another path, or leads to a file that is gone; or a folder cannot be
            read.
    """
    try:
        links = _links_in(root)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}); allow reading, or remove it.") from error
    for name, path in links:
        target = str(path.readlink())
        if name not in recorded:
            raise DataError(
                f"{readable(str(path))}: a link to {readable(target)} that {DATASET_JSON} does not record; remove the "
                "link, or put the image itself there."
            )
        if target != recorded[name]:
            raise DataError(
                f"{readable(str(path))}: a link to {readable(target)}, but {DATASET_JSON} records "
                f"{readable(recorded[name])}; restore the link, or remove {readable(str(root))} and import again."
            )
        if not path.exists():
            raise DataError(
                f"{readable(str(path))}: the file {readable(target)} that it links to is gone; bring it back, or "
                f"remove {readable(str(root))} and import again."
            )


def _links_in(root: Path) -> list[tuple[str, Path]]:
    """The links in a folder and in its subfolders, sorted, with their names relative to it."""
    links = []
    for entry in os.scandir(root):
        if entry.is_symlink():
            links.append((entry.name, Path(entry.path)))
        elif entry.is_dir():
            links += [
                (f"{entry.name}/{below.name}", Path(below.path))
                for below in os.scandir(entry.path)
                if below.is_symlink()
            ]
    return sorted(links)
