"""Names of sets of images that no run made: plain folders, and files with their features."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ugbench.data.known_files import images_hash
from ugbench.direction import Direction
from ugbench.file_names import readable

PARTS = 2  # parts of a path in a name
DIGITS = 6  # hex digits of the images' hash in a name


def direction_of(folder: Path) -> Direction:
    """The direction that the scores of a folder of outputs state: A2B, or B2A if the folder has this name."""
    return "B2A" if folder.resolve().name == "B2A" else "A2B"


def name_of(folder: Path, images: Sequence[Path]) -> str:
    """A name for a folder of images, as `o1-A2B-3f2a91`: the end of its path, and the first digits of their hash.

    Equal folders have one name in every call and on every machine. Folders with other images have another name, even
    if their paths end alike.
    """
    return set_name(folder, images_hash(images))


def set_name(path: Path, digest: str) -> str:
    """The name of a set of images that lies at `path` and has this hash."""
    parts = [part for part in Path(os.path.abspath(path)).parts[-PARTS:] if part != os.sep]  # noqa: PTH100
    return readable("-".join((*parts, digest[:DIGITS])))
