"""Pairs of images: those of equal stems in two or more folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from ugbench.data.folders import name_some
from ugbench.data.images import same_stems
from ugbench.errors import DataError


def without_partner(listed: Mapping[str, Sequence[PurePath]]) -> list[str]:
    """Relative names ("trainA/7.png") of the images whose stem is not in every folder.

    Args:
        listed: the images of each folder, by the name of the folder.
    """
    shared = set.intersection(*({path.stem for path in paths} for paths in listed.values()))
    return [f"{name}/{path.name}" for name, paths in listed.items() for path in paths if path.stem not in shared]


def partners_of(images: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    """The partner of each image: the one of `others` with its stem, in the order of the images.

    Args:
        images, others: one image or more each.
    Raises:
        DataError: images have no partner, and the message names them; or two files of one side have one stem.
    """
    for first, second in (*same_stems(images), *same_stems(others)):
        raise DataError(f"{first} and {second} have one stem, so their partner is not clear; remove or rename one.")
    by_stem = {path.stem: path for path in others}
    alone = [path.name for path in images if path.stem not in by_stem]
    if alone:
        raise DataError(
            f"{images[0].parent}: {len(alone)} of {len(images)} images {'has' if len(alone) == 1 else 'have'} no "
            f"partner of the same stem in {others[0].parent} ({name_some(alone)}); add or rename the partners."
        )
    return [by_stem[path.stem] for path in images]
