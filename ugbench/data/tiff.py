"""What the tags of a TIFF say about its pixels, where Pillow does not look: pages, signs, bits, and what 0 means.

Pillow decodes the pixels. This module reads the tags (TIFF 6.0, and BigTIFF) before, refuses files whose pixels Pillow
would return as something else, and says how levels of 16-bit files become grey.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ugbench.data.refusal import Refusal

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 258, 259, 262
_DESCRIPTION, _MAX_SAMPLE, _PLANAR, _PALETTE = 270, 281, 284, 320
_SAMPLE_FORMAT, _MAX_SAMPLE_S, _SUBSAMPLING = 339, 341, 530
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _YCBCR = 0, 1, 6
_UNCOMPRESSED, _FAX = 1, (2, 3, 4)
_SEPARATE_PLANES = 2
_SIGNED, _FLOAT = 2, 3
_KINDS = {1: "B", 2: "s", 3: "H", 4: "I", 11: "f", 12: "d", 16: "Q"}  # struct's letters of the types that are read
# Limits to what is read, so that a file that was made for it cannot take minutes.
_MAX_PAGES, _MAX_TAGS, _MAX_VALUES = 1000, 512, 1 << 12


@dataclass(frozen=True)
class Levels:
    """How the levels of a grey image of more than 8 bits become grey.

    Attributes:
        white: the level of white; black where `inverted`.
        inverted: True if level 0 is white.
    """

    white: int = 65535
    inverted: bool = False


@dataclass(frozen=True)
class _Tag:
    """The values of a tag, where they are stored in the file, and struct's byte order and letter for each of them."""

    values: tuple[float, ...] | str
    position: int
    format: str


def check_tiff(content: bytes) -> tuple[bytes, Levels]:
    """The bytes of a TIFF in a form that Pillow decodes, and how levels of more than 8 bits become grey.

    Bytes that are no TIFF, or whose tags are damaged, are returned as they are: decoding them raises an error.

    Raises:
        Refusal: the file holds several pages, or its pixels have no agreed range or a layout that Pillow
            misreads.
    """
    pages = list(_pages(content))
    if not pages:
        return content, Levels()
    _refuse_pages(pages)
    tags = pages[0]
    bits = int(_number(tags, _BITS, 1) or 1)
    _refuse_pixels(tags, bits)
    photometric = _number(tags, _PHOTOMETRIC, None)
    if photometric == _WHITE_IS_ZERO and bits in (12, 16):
        # Pillow decodes these as if 0 were black, or not at all; so it is told that 0 is black.
        content = _replaced(content, tags[_PHOTOMETRIC], [_BLACK_IS_ZERO])
    palette = tags.get(_PALETTE)
    if palette is not None and not isinstance(palette.values, str) and 0 < max(palette.values) < 256:
        # Some programs write palettes of 8 bits where the format has 16. All colours would be black.
        content = _replaced(content, palette, [int(level) * 257 for level in palette.values])
    return content, Levels(_white(tags, bits), photometric == _WHITE_IS_ZERO)


def _replaced(content: bytes, tag: _Tag, values: list[int]) -> bytes:
    new = struct.pack(f"{tag.format[0]}{len(values)}{tag.format[1]}", *values)
    return content[: tag.position] + new + content[tag.position + len(new) :]


def _refuse_pages(pages: list[Mapping[int, _Tag]]) -> None:
    """Refuse several pages, which are images of their own; a smaller copy or a mask of another page is no such page."""
    full = [tags for tags in pages if not int(_number(tags, _NEW_SUBFILE_TYPE, 0) or 0) & 0b101]
    full = [tags for tags in full if _number(tags, _SUBFILE_TYPE, 1) != 2]
    # ImageJ stores a large stack as one page, and writes the number of images into its description.
    description = pages[0].get(_DESCRIPTION)
    stacked = re.match(r"ImageJ=.*?\bimages=(\d{1,9})\b", str(description.values), re.DOTALL) if description else None
    count = max(len(full), int(stacked[1]) if stacked else 1)
    if count > 1:
        more = " or more" if len(pages) == _MAX_PAGES else ""
        raise Refusal(f"a stack of {count} pages{more}", "save each page that you want as a file of its own")
    if full and full[0] is not pages[0]:
        raise Refusal("its first page is only a smaller copy", "save the full image alone")


def _refuse_pixels(tags: Mapping[int, _Tag], bits: int) -> None:
    photometric, compression = _number(tags, _PHOTOMETRIC, None), _number(tags, _COMPRESSION, _UNCOMPRESSED)
    uncompressed = compression == _UNCOMPRESSED
    sample_format = _number(tags, _SAMPLE_FORMAT, 1)
    several = _BITS in tags and len(tags[_BITS].values) > 1
    if sample_format == _FLOAT or bits > 16:
        kind = "floats" if sample_format == _FLOAT else f"{bits}-bit integers"
        raise Refusal(f"pixels that are {kind} have no agreed range", "save 8 or 16 bits")
    if sample_format == _SIGNED:
        raise Refusal("pixels that are signed integers have no agreed range", "save 8 or 16 bits")
    if bits not in (1, 2, 4, 8, 16) and (bits != 12 or several):
        raise Refusal(f"{bits} bits per channel are not supported", "save 8 or 16 bits")
    if photometric is None and compression not in _FAX:
        raise Refusal("no tag says whether 0 is black or white", "save it again with another program")
    if several and bits == 16 and _white(tags, bits) < 65535:
        # Pillow keeps the upper 8 bits of each channel, which are nearly black here.
        raise Refusal(f"16-bit channels whose white is level {_white(tags, bits)}", "save 8 bits, or all 16")
    if _number(tags, _PLANAR, 1) == _SEPARATE_PLANES and uncompressed and several and bits == 16:
        raise Refusal("16-bit channels in separate planes", "save the channels of a pixel together")
    if photometric == _YCBCR and uncompressed:
        subsampling = tags[_SUBSAMPLING].values if _SUBSAMPLING in tags else (2, 2)
        if subsampling != (1, 1):
            raise Refusal("uncompressed YCbCr with fewer colours than pixels", "save it as RGB")


def _white(tags: Mapping[int, _Tag], bits: int) -> int:
    """The level of white: that of the bits per channel, or of fewer bits if the largest level says so."""
    if bits == 12:
        return 4095
    for name in (_MAX_SAMPLE, _MAX_SAMPLE_S):
        largest = int(_number(tags, name, 0) or 0)
        # Other values are statistics of the pixels, which do not change how an image is shown.
        if largest in [(1 << depth) - 1 for depth in range(9, 16)]:
            return largest
    return 65535


def _number(tags: Mapping[int, _Tag], name: int, default: float | None) -> float | None:
    """The first value of a tag that holds numbers."""
    tag = tags.get(name)
    return tag.values[0] if tag is not None and tag.values and not isinstance(tag.values, str) else default


def _pages(content: bytes) -> Iterator[Mapping[int, _Tag]]:
    """The tags of each page up to the first damaged one; none if the bytes are no TIFF."""
    order = {b"II*\0": "<", b"II+\0": "<", b"MM\0*": ">", b"MM\0+": ">"}.get(content[:4])
    if order is None:
        return
    big = b"+" in content[:4]
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", content, 8 if big else 4)
        while offset and offset not in seen and len(seen) < _MAX_PAGES:
            seen.add(offset)
            tags, offset = _page(content, order, big, offset)
            yield tags
    except (struct.error, OverflowError):  # an offset leads outside the file
        return


def _page(content: bytes, order: str, big: bool, offset: int) -> tuple[dict[int, _Tag], int]:
    """The tags of the page at an offset, and the offset of the next page, which is 0 after the last one."""
    count_format, entry_format, pointer = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    (entries,) = struct.unpack_from(order + count_format, content, offset)
    start = offset + struct.calcsize(order + count_format)
    head, field = struct.calcsize(order + entry_format), struct.calcsize(order + pointer)
    tags: dict[int, _Tag] = {}
    for index in range(min(entries, _MAX_TAGS)):
        place = start + index * (head + field)
        name, kind, count = struct.unpack_from(order + entry_format, content, place)
        letter = _KINDS.get(kind)
        if letter is None or name in tags or not 0 < count <= _MAX_VALUES:
            continue
        values_format = f"{order}{count}{letter}"
        position = place + head
        if struct.calcsize(values_format) > field:
            (position,) = struct.unpack_from(order + pointer, content, position)
        if position + struct.calcsize(values_format) > len(content):
            continue  # Pillow leaves out a damaged tag too
        values = struct.unpack_from(values_format, content, position)
        tags[name] = _Tag(values[0].decode("latin-1") if letter == "s" else values, position, order + letter)
    return tags, struct.unpack_from(order + pointer, content, start + entries * (head + field))[0]
