"""Image files in, uint8 RGB tensors out, and back.

Whatever a file holds (a camera's rotation flag, alpha, a palette, grey, CMYK, 16 bits), it becomes the 8-bit
RGB picture that a viewer would show on white. Colour profiles are not applied.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ugbench.errors import DataError, UsageError

Progress = Callable[[int, int], None]  # (done, total)
Size = int | tuple[int, int]
"""Px: a square's side, or width and height."""
Filter = Literal["bilinear", "bicubic"]
"""Pillow's, antialiased."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")  # Pillow's other decoders stay closed


def is_image(path: Path) -> bool:
    """Whether a path is a file that `list_images` lists: by its suffix, and not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def list_images(folder: Path) -> list[Path]:
    """The image files of a folder, sorted by name; hidden files and subfolders are left out.

    Raises:
        DataError: there is no such folder, or it holds no image.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; make it and put images in it, or name another.")
    found = [path for path in folder.iterdir() if is_image(path)]
    if not found:
        kinds = " ".join(suffix[1:] for suffix in SUFFIXES)
        raise DataError(f"{folder}: holds no image; put files of these kinds in it: {kinds}.")
    return sorted(found, key=lambda path: path.name)


@dataclass(frozen=True)
class Stored:
    """An image as its file holds it.

    Attributes:
        format: PNG, JPEG, WEBP, BMP or TIFF.
        mode: Pillow's name, with ";16" where a channel has 16 bits.
        width, height: px, of the upright image.
        turned: whether its EXIF asks to turn or mirror it.
        alpha: whether it is transparent anywhere, by channel, palette or a colour that means so.
    """

    format: str
    mode: str
    width: int
    height: int
    turned: bool
    alpha: bool


def read_image(path: Path) -> Image.Image:
    """One file as an RGB image, turned as its EXIF says, alpha laid over white, 16 bits scaled to 8.

    Raises:
        DataError: the file is missing, damaged, of another format, too large (over 89 million pixels), or its
            pixels have no agreed range.
    """
    return decode_image(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        DataError: the file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def decode_image(path: Path, content: bytes) -> Image.Image:
    """The image in a file's bytes, as `read_image` gives it; `path` is for messages alone.

    Raises:
        DataError: as `read_image`.
    """
    return _decode(path, content)[0]


def read_size(path: Path) -> tuple[int, int]:
    """Width and height as the file's header says, px; raises DataError where it is no image's."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size
    except Exception as error:  # decoders raise whatever damaged bytes lead them to
        raise _unreadable(path, error) from error


def inspect_image(path: Path) -> tuple[Image.Image, Stored]:
    """The image that `read_image` gives, and what the file holds; raises the same."""
    return _decode(path, read_bytes(path))


def _decode(path: Path, content: bytes) -> tuple[Image.Image, Stored]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Of damaged metadata Pillow only warns, and the pixels are what counts here.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                stored = _stored(image)
                image.load()  # open and verify() accept truncated files
                upright = _to_rgb(ImageOps.exif_transpose(image))
                return upright, replace(stored, width=upright.width, height=upright.height)
    except Exception as error:  # decoders raise whatever damaged bytes lead them to
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: not a readable image ({_reason(error)}); replace or remove it.")


def _stored(image: Image.Image) -> Stored:
    """What an image that is opened and not yet loaded says of itself."""
    mode, format_ = image.mode, str(image.format)
    # Pillow decodes 16-bit colours to 8 bits; only the name of what it decodes tells.
    tiles = getattr(image, "tile", [])
    deep = format_ in ("PNG", "TIFF") and bool(tiles) and ";16" in str(tiles[0].args)
    if deep and ";16" not in mode:
        mode += ";16"
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    return Stored(format_, mode, *image.size, turned, image.has_transparency_data)


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rstrip(".") or type(error).__name__


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, which Pillow's own conversion would clip instead of scale."""
    levels = np.asarray(image)
    if image.mode == "F" or levels.min() < 0 or levels.max() > 65535:
        raise ValueError(f"pixels of mode {image.mode} have no agreed range; save 8 or 16 bits")
    grey = Image.fromarray(((levels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):  # a grey level that means "nothing here"
        grey.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return grey


def resize(image: Image.Image, size: Size, filter: Filter = "bilinear") -> Image.Image:
    """The image squashed to `size`, antialiased; unchanged where it has that size."""
    width, height = (size, size) if isinstance(size, int) else size
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling[filter.upper()])


def check_stems(paths: Sequence[Path]) -> None:
    """Raises UsageError where two files would be written to one name; names both."""
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise UsageError(f"{other} and {path} would both become {path.stem}.png; rename one.")
