"""Which images of a folder become test images."""

from __future__ import annotations

from collections.abc import Sequence


def choose_test_images(keys: Sequence[str], groups: Sequence[int], count: int) -> set[int]:
    """The places of the images that become test images: whole groups, and at most `count` images.

    Groups are taken in the order of their smallest keys, except those that no longer fit. With the SHA-256 of the files
    as keys this is a random order that depends on nothing but the contents: not on names, dates or the order of the
    disk. So the same images always give the same choice.

    Args:
        keys: a text for each image.
        groups: the number of each image's group, as `ugbench.data.clusters.clusters` gives them.
        count: number of test images that are wanted.
    """
    members: dict[int, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    chosen: set[int] = set()
    for places in sorted(members.values(), key=lambda places: min(keys[place] for place in places)):
        if len(chosen) + len(places) <= count:
            chosen.update(places)
    return chosen


def wanted_number(test: int | float, images: int) -> int:
    """The number of test images of a folder.

    Args:
        test: the number itself, or a share below 1 of the images; at least one image is taken of a share.
        images: number of images in the folder.
    """
    return test if isinstance(test, int) else max(1, round(test * images))
