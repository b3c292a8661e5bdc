"""What is in a folder of photographs: images, each read once, and other files, counted by why they are no images."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ugbench.data.acquire.walking import count_broken_links, is_hidden, walk_folder
from ugbench.data.duplicates import Appearance, appearance_of
from ugbench.data.folders import describe_passed_over, why_name_is_passed_over, why_passed_over
from ugbench.data.images import KINDS, UnreadableImage, has_image_suffix, is_image, read_bytes, read_image
from ugbench.errors import DataError


@dataclass(frozen=True)
class Photograph:
    """An image that can be read.

    Attributes:
        name: its path from the folder.
        size: bytes of the file.
        digest: SHA-256 of the file, in hex.
        pixels: SHA-256 of the pixels, in hex; equal for copies in other formats without loss.
        appearance: what its near-duplicates are found by.
    """

    name: PurePosixPath
    size: int
    digest: str
    pixels: str
    appearance: Appearance


@dataclass(frozen=True)
class Listing:
    """The names in a folder, before any file is opened.

    Attributes:
        folder: the folder.
        images: paths of the image files from the folder, sorted.
        passed_over: number of other files by the reason why they are no images.
    """

    folder: Path
    images: tuple[PurePosixPath, ...]
    passed_over: Mapping[str, int]

    def sentence(self) -> str:
        """What is used of the folder: "cats: 6 images; passed over: 2 .heic (install ugbench[heic])."""
        text = f"{self.folder}: {len(self.images)} image{'s' * (len(self.images) != 1)}"
        rest = describe_passed_over(self.passed_over)
        return f"{text}; passed over: {rest}." if rest else f"{text}."


def list_photographs(folder: Path, recursive: bool) -> Listing:
    """The image files of a folder; hidden files are passed over.

    Args:
        recursive: list the images in subfolders, too.
    Raises:
        DataError: the folder holds no image file, or cannot be read.
    """
    try:
        listing = _list_all(folder) if recursive else _list_top(folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be read ({error.strerror}); allow reading.") from error
    if not listing.images:
        rest = describe_passed_over(listing.passed_over)
        fix = f"put files of these kinds in it: {KINDS}"
        if "subfolder" in listing.passed_over:
            fix = "give --recursive if the images are in its subfolders"
        raise DataError(f"{folder}: holds no image{f', but {rest}' if rest else ''}; {fix}.")
    return listing


def _list_top(folder: Path) -> Listing:
    images, reasons = [], []
    for path in folder.iterdir():
        if is_image(path):
            images.append(PurePosixPath(path.name))
        else:
            reasons.append(why_passed_over(path))
    return Listing(folder, tuple(sorted(images)), Counter(reasons))


def _list_all(folder: Path) -> Listing:
    images, reasons = [], Counter({"broken link": count_broken_links(folder)})
    for file in walk_folder(folder):
        if is_hidden(file.name):
            reasons["hidden file"] += 1
        elif has_image_suffix(file.name):
            images.append(file.name)
        else:
            reasons[why_name_is_passed_over(file.name)] += 1
    return Listing(folder, tuple(sorted(images)), +reasons)


def read_photographs(listing: Listing, done: Callable[[], None]) -> tuple[list[Photograph], dict[PurePosixPath, str]]:
    """Read each image of a folder.

    Args:
        done: called after each image.
    Returns:
        The images that can be read, in the order of the listing, and the sentence about each that cannot.
    Raises:
        DataError: none of them can be read.
    """
    photographs: list[Photograph] = []
    unreadable: dict[PurePosixPath, str] = {}
    for name in listing.images:
        try:
            photographs.append(_read(listing.folder, name))
        except UnreadableImage as error:
            unreadable[name] = str(error)
        done()
    if not photographs:
        raise DataError(f"{listing.folder}: none of its {len(unreadable)} images is readable; replace them.")
    return photographs, unreadable


def _read(folder: Path, name: PurePosixPath) -> Photograph:
    content = read_bytes(folder / name)
    image = read_image(folder / name, content)
    pixels = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()
    digest = hashlib.sha256(content).hexdigest()
    return Photograph(name, len(content), digest, pixels, appearance_of(image))
