"""Pairs among the photographs of two folders: each image of one has a partner of the same stem in the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ugbench.data.acquire.photographs import Listing, Photograph
from ugbench.data.folders import name_some
from ugbench.errors import DataError
from ugbench.file_names import readable


def check_partners(first: Listing, second: Listing) -> None:
    """Raise DataError if an image has no partner in the other folder, or several.

    The partner has the same path from its folder, whatever the suffix.
    """
    for listing in (first, second):
        by_stem: dict[str, PurePosixPath] = {}
        for image in listing.images:
            other = by_stem.setdefault(stem_of(image), image)
            if other != image:
                raise DataError(
                    f"{readable(str(listing.folder / other))} and {readable(str(listing.folder / image))} have one "
                    "stem, so their partner is not clear; remove or rename one."
                )
    stems = [{stem_of(image) for image in listing.images} for listing in (first, second)]
    alone = [
        readable(str(listing.folder / image))
        for listing, others in ((first, stems[1]), (second, stems[0]))
        for image in listing.images
        if stem_of(image) not in others
    ]
    if alone:
        raise DataError(
            f"--paired: {len(alone)} image{' has' if len(alone) == 1 else 's have'} no partner of the same stem in the "
            f"other folder ({name_some(alone)}); add or rename the partners, or leave --paired out."
        )


def without_partnerless(
    folder: Path, photographs: Sequence[Photograph], unreadable: Mapping[PurePosixPath, str]
) -> tuple[list[Photograph], dict[PurePosixPath, str]]:
    """The images whose partner can be read, in the order of stems, and a sentence about each of the others.

    Args:
        photographs: the images of the folder.
        unreadable: the images of the other folder that cannot be read.
    """
    stems = {stem_of(image): image for image in unreadable}
    kept = [photograph for photograph in photographs if stem_of(photograph.name) not in stems]
    kept.sort(key=lambda photograph: stem_of(photograph.name))
    sentences = {}
    for photograph in photographs:
        if (stem := stem_of(photograph.name)) in stems:
            path, partner = readable(str(folder / photograph.name)), readable(str(stems[stem]))
            sentences[photograph.name] = f"{path}: its partner {partner} cannot be read; replace that one."
    return kept, sentences


def stem_of(image: PurePosixPath) -> str:
    """The path of an image from its folder without the suffix."""
    return str(image.with_suffix(""))


def joined(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """The groups that result if two groupings of the same items are both kept together.

    Args:
        first, second: the number of each item's group in each grouping.
    Returns:
        For each item, the place of an item of its group, the same one for the whole group.
    """
    above = list(range(len(first)))  # an item of the same group; itself for one item per group

    def head(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for groups in (first, second):
        of_group: dict[int, int] = {}
        for place, group in enumerate(groups):
            above[head(place)] = head(of_group.setdefault(group, place))
    return [head(place) for place in range(len(above))]
