"""Image files read as 8-bit RGB images of Pillow.

Each file (rotated by EXIF, transparent, with a palette, grey, CMYK or of 16 bits per channel) becomes the 8-bit RGB
image that a viewer shows on a white page, or it is refused with the reason. Colour profiles are not applied. A file
with several images (pages of a TIFF, frames of an animation) is refused, because only one of them would be used.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ugbench.data import png_text, tiff
from ugbench.data.pillow_warnings import PILLOW_WARNINGS
from ugbench.data.refusal import Refusal
from ugbench.data.tiff import Levels
from ugbench.errors import DataError, UsageError
from ugbench.image_size import Size, width_and_height

Filter = Literal["bilinear", "bicubic"]
"""Pillow's resampling filters, which are antialiased."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
HEIF_SUFFIXES = (".heic", ".heif")  # photographs of phones; read if pillow-heif is installed
INSTALL_HEIF = "install ugbench[heic]"
KINDS = " ".join(suffix[1:] for suffix in SUFFIXES)  # for error messages
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")  # no other decoder of Pillow sees the file
_HEIF = "HEIF"
_MAGIC = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF"}


class UnreadableImage(DataError):
    """A file that cannot be used as an image.

    Attributes:
        path: the file.
        reason: what is wrong with it, without its name.
        fix: what to do.
    """

    def __init__(self, path: Path, reason: str, fix: str) -> None:
        super().__init__(f"{path}: {reason}; {fix}.")
        self.path, self.reason, self.fix = path, reason, fix

    def __reduce__(self) -> tuple[type[UnreadableImage], tuple[Path, str, str]]:
        """How pickle passes the error from process to process."""
        return UnreadableImage, (self.path, self.reason, self.fix)


def has_image_suffix(path: PurePath) -> bool:
    """True if the name ends as that of an image that can be read here."""
    return path.suffix.lower() in _suffixes()


def _suffixes() -> tuple[str, ...]:
    return (*SUFFIXES, *HEIF_SUFFIXES) if reads_heif() else SUFFIXES


@cache
def reads_heif() -> bool:
    """True if pillow-heif is installed, so that photographs of phones (.heic) can be read."""
    return find_spec("pillow_heif") is not None


def is_image(path: Path) -> bool:
    """True for a file that `list_images` lists: it has the suffix of an image and is not hidden."""
    return has_image_suffix(path) and not path.name.startswith(".") and path.is_file()


def is_image_entry(entry: os.DirEntry[str]) -> bool:
    """`is_image` of an entry of a folder. The system is asked about links alone, so that large folders are quick."""
    if entry.name.startswith(".") or not entry.name.lower().endswith(_suffixes()):
        return False
    return Path(entry.path).is_file() if entry.is_symlink() else entry.is_file()


def list_images(folder: Path) -> list[Path]:
    """The image files of a folder, sorted by name; hidden files and subfolders are left out. Errors: `image_names`."""
    return [folder / name for name in image_names(folder)]


def image_names(folder: Path) -> list[str]:
    """The names of the image files of a folder, sorted; hidden files and subfolders are left out.

    Raises:
        DataError: there is no such folder, it is a file, or it holds no image file.
    """
    if folder.is_file():
        raise DataError(f"{folder}: this is a file; name a folder of images.")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; make it and put images in it, or name another.")
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if is_image_entry(entry))
    if not names:
        raise DataError(f"{folder}: holds no image; put files of these kinds in it: {KINDS}.")
    return names


@dataclass(frozen=True)
class ImageHeader:
    """How a file stores its image.

    Attributes:
        format: PNG, JPEG, WEBP, BMP, TIFF, GIF, AVIF or HEIF.
        mode: Pillow's name of the mode, with ";16" added if a channel has 16 bits.
        width, height: size of the upright image, px.
        turned: True if the EXIF orientation asks to turn or mirror the image.
        alpha: True if the image has transparency: an alpha channel, or transparent palette entries or colours.
    """

    format: str
    mode: str
    width: int
    height: int
    turned: bool
    alpha: bool


def read_image(path: Path, content: bytes | None = None) -> Image.Image:
    """A file as an RGB image: turned as its EXIF says, transparency laid over white, 16 bits scaled to 8.

    Args:
        content: the bytes of the file, for a caller that has read them already; None reads them.
    Raises:
        UnreadableImage: the file is missing, damaged, of another format, too large (more than 89 million pixels), an
            animation or a stack of pages, or its pixels are numbers without an agreed range, for example floats.
    """
    return inspect_image(path, content)[0]


def rgb_of(image: Image.Image, name: str) -> Image.Image:
    """An image of Pillow as `read_image` reads a file: turned as its EXIF says, transparency over white, 8 bits.

    Args:
        name: what an error calls the image.
    Raises:
        DataError: its pixels are numbers without an agreed range, or its file is damaged.
    """
    try:
        image.load()
        return _to_rgb(ImageOps.exif_transpose(image), Levels())
    except Refusal as error:
        raise DataError(f"{name}: {error.reason}; {error.fix}.") from error
    except OSError as error:
        raise DataError(f"{name}: not a readable image ({str(error).rstrip('.')}); replace or remove it.") from error


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        UnreadableImage: the file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def read_size(path: Path) -> tuple[int, int]:
    """Width and height in px of the upright image, read from the file's header; hardly any file is decoded for it.

    Raises:
        UnreadableImage: it is no image, or one that `read_image` refuses for what its header says.
    """
    content = read_bytes(path)
    with _opened(path, content) as (image, _):
        width, height = image.size
        # The method of the base class does not decode. Pillow must decode a PNG to find what stands behind its pixels.
        exif = image.getexif() if png_text.ends_with_orientation(content) else Image.Image.getexif(image)
        turned = exif.get(ExifTags.Base.Orientation) in range(5, 9)
        return (height, width) if turned and image.format != "TIFF" else (width, height)  # Pillow has turned a TIFF


def inspect_image(path: Path, content: bytes | None = None) -> tuple[Image.Image, ImageHeader]:
    """The image that `read_image` gives, and how the file stores it; arguments and errors are those of `read_image`."""
    with _opened(path, read_bytes(path) if content is None else content) as (image, levels):
        header = _header(image)
        image.load()  # open and verify() accept truncated files
        if header.mode == "RGB;16" and "transparency" in image.info:
            # Pillow keeps the upper 8 bits of the pixels, but all 16 of the colour that stands for transparency.
            image.info["transparency"] = tuple(level >> 8 for level in image.info["transparency"])
        upright = _to_rgb(ImageOps.exif_transpose(image), levels)
        return upright, replace(header, width=upright.width, height=upright.height)


@contextmanager
def _opened(path: Path, content: bytes) -> Iterator[tuple[Image.Image, Levels]]:
    """The image in the bytes of a file, not yet decoded; what decoding it raises is turned into UnreadableImage."""
    try:
        with PILLOW_WARNINGS:
            content, levels = tiff.check_tiff(png_text.without_long_texts(content))
            with Image.open(io.BytesIO(content), formats=_formats(content)) as image:
                _refuse_frames(image)
                yield image, levels
    except Exception as error:  # damaged bytes make decoders raise errors of many types
        raise _unreadable(path, error, content) from error


def _formats(content: bytes) -> tuple[str, ...]:
    if content[4:8] != b"ftyp" or not reads_heif():
        return FORMATS
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return (*FORMATS, _HEIF)


def _refuse_frames(image: Image.Image) -> None:
    # A phone stores a depth map or a brighter copy behind its JPEG (MPO). `tiff` has looked at the pages of a TIFF.
    frames = 1 if image.format in ("MPO", "TIFF") else getattr(image, "n_frames", 1)
    if frames > 1:
        word = f"a collection of {frames} images" if image.format == _HEIF else f"an animation of {frames} frames"
        raise Refusal(word, "save the one that you want as a file of its own")


def _unreadable(path: Path, error: Exception, content: bytes = b"") -> UnreadableImage:
    if isinstance(error, Refusal):
        return UnreadableImage(path, error.reason, error.fix)
    fix = "replace or remove it"
    reason = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        known = next((name for magic, name in _MAGIC.items() if content.startswith(magic)), None)
        reason = f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        if not content:
            reason = "the file is empty"
        elif known is not None:
            reason = f"a damaged {known}, or a {known} of a kind that is not supported"
        elif content[4:8] == b"ftyp" and not reads_heif():
            reason, fix = f"{reason}, as far as can be read here", f"for HEIC, {INSTALL_HEIF}, or {fix}"
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    return UnreadableImage(path, f"not a readable image ({reason})", fix)


def _header(image: Image.Image) -> ImageHeader:
    """The header of an image that was opened and not yet loaded."""
    mode, format_ = image.mode, "JPEG" if image.format == "MPO" else str(image.format)
    # Pillow decodes 16-bit colours to 8 bits. Only the arguments of its decoder show that there were 16.
    tiles = getattr(image, "tile", [])
    deep = format_ in ("PNG", "TIFF") and bool(tiles) and ";16" in str(tiles[0].args)
    if deep and ";16" not in mode:
        mode += ";16"
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    return ImageHeader(format_, mode, *image.size, turned, image.has_transparency_data)


def _to_rgb(image: Image.Image, levels: Levels) -> Image.Image:
    if image.mode == "F" or image.mode == "I":
        raise Refusal(f"pixels of mode {image.mode} have no agreed range", "save 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _to_eight_bits(image, levels)
    if image.mode == "La":  # Pillow converts it to grey with alpha only
        image = image.convert("LA")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image, levels: Levels) -> Image.Image:
    """A 16-bit grey image scaled to 8 bits; Pillow's own conversion would clip it."""
    pixels = np.asarray(image).astype(np.uint32)
    white = levels.white if pixels.max(initial=0) <= levels.white else 65535
    scaled = ((pixels * 255 + white // 2) // white).astype(np.uint8)
    grey = Image.fromarray(255 - scaled if levels.inverted else scaled)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):  # this grey level stands for a transparent pixel
        grey.putalpha(Image.fromarray(np.where(pixels == transparent, 0, 255).astype(np.uint8)))
    return grey


def resize(image: Image.Image, size: Size, filter: Filter = "bilinear") -> Image.Image:
    """The image resized to exactly `size`, antialiased; its proportions may change. The right size is left as it is."""
    width, height = width_and_height(size)
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling[filter.upper()])


def same_stems(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The pairs of files with the same stem, as 1.jpg and 1.png: the first file of the stem, and each later one."""
    first: dict[str, Path] = {}
    pairs = [(first.setdefault(path.stem, path), path) for path in paths]
    return [(one, other) for one, other in pairs if one is not other]


def check_stems(paths: Sequence[Path]) -> None:
    """Raise UsageError if two files have the same stem, because their outputs would get the same name."""
    for first, second in same_stems(paths):
        raise UsageError(f"{first} and {second} would both become {second.stem}.png; rename one.")
