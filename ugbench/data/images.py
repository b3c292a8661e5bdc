"""Image files read as 8-bit RGB images of Pillow.

Each file (rotated by EXIF, transparent, with a palette, grey, CMYK or of 16 bits per channel) becomes the 8-bit RGB
image that a viewer shows on a white page. Colour profiles are not applied.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ugbench.errors import DataError, UsageError

Size = int | tuple[int, int]
"""Size of an image in px: the side of a square, or (width, height)."""
Filter = Literal["bilinear", "bicubic"]
"""Pillow's resampling filters, which are antialiased."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
KINDS = " ".join(suffix[1:] for suffix in SUFFIXES)  # for error messages
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")  # no other decoder of Pillow sees the file


def is_image(path: Path) -> bool:
    """True for a file that `list_images` lists: it has the suffix of an image and is not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def list_images(folder: Path) -> list[Path]:
    """The image files of a folder, sorted by name; hidden files and subfolders are left out.

    Raises:
        DataError: there is no such folder, or it holds no image file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; make it and put images in it, or name another.")
    images = [path for path in folder.iterdir() if is_image(path)]
    if not images:
        raise DataError(f"{folder}: holds no image; put files of these kinds in it: {KINDS}.")
    return sorted(images, key=lambda path: path.name)


@dataclass(frozen=True)
class ImageHeader:
    """How a file stores its image.

    Attributes:
        format: PNG, JPEG, WEBP, BMP or TIFF.
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
        DataError: the file is missing, damaged, of another format, too large (more than 89 million pixels), or its
            pixels are numbers without an agreed range, for example floats.
    """
    return inspect_image(path, content)[0]


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: the file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def read_size(path: Path) -> tuple[int, int]:
    """Width and height in px, read from the file's header without decoding; raises DataError if it is not an image."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size
    except Exception as error:  # damaged bytes make decoders raise errors of many types
        raise _unreadable(path, error) from error


def inspect_image(path: Path, content: bytes | None = None) -> tuple[Image.Image, ImageHeader]:
    """The image that `read_image` gives, and how the file stores it; arguments and errors are those of `read_image`."""
    content = read_bytes(path) if content is None else content
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Pillow only warns about damaged metadata, and only the pixels matter here.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                header = _header(image)
                image.load()  # open and verify() accept truncated files
                upright = _to_rgb(ImageOps.exif_transpose(image))
                return upright, replace(header, width=upright.width, height=upright.height)
    except Exception as error:  # damaged bytes make decoders raise errors of many types
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        reason = f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    return DataError(f"{path}: not a readable image ({reason}); replace or remove it.")


def _header(image: Image.Image) -> ImageHeader:
    """The header of an image that was opened and not yet loaded."""
    mode, format_ = image.mode, str(image.format)
    # Pillow decodes 16-bit colours to 8 bits. Only the arguments of its decoder show that there were 16.
    tiles = getattr(image, "tile", [])
    deep = format_ in ("PNG", "TIFF") and bool(tiles) and ";16" in str(tiles[0].args)
    if deep and ";16" not in mode:
        mode += ";16"
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    return ImageHeader(format_, mode, *image.size, turned, image.has_transparency_data)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """A 16-bit grey image scaled to 8 bits; Pillow's own conversion would clip it."""
    levels = np.asarray(image)
    if image.mode == "F" or levels.min() < 0 or levels.max() > 65535:
        raise ValueError(f"pixels of mode {image.mode} have no agreed range; save 8 or 16 bits")
    grey = Image.fromarray(((levels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):  # this grey level stands for a transparent pixel
        grey.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return grey


def resize(image: Image.Image, size: Size, filter: Filter = "bilinear") -> Image.Image:
    """The image resized to exactly `size`, antialiased; its proportions may change. The right size is left as it is."""
    width, height = (size, size) if isinstance(size, int) else size
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling[filter.upper()])


def check_stems(paths: Sequence[Path]) -> None:
    """Raise UsageError if two files have the same stem, because their outputs would get the same name."""
    by_stem: dict[str, Path] = {}
    for path in paths:
        other = by_stem.setdefault(path.stem, path)
        if other is not path:
            raise UsageError(f"{other} and {path} would both become {path.stem}.png; rename one.")
