"""Removes from the bytes of a PNG the texts and colour profiles that Pillow would refuse because they are long.

Pillow refuses a PNG whose text or profile unpacks to more than 1 MiB, or whose texts take more than 64 MiB together,
as programs write that store a workflow or an editing history. Such chunks say nothing about the pixels, so they are
left out here and Pillow's limits stay as they are. A text that may hold the EXIF orientation stays if it is short.
Such a text, and the chunk of EXIF itself, may stand before the pixels or behind them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_PROFILE, _EXIF, _PIXELS = b"iCCP", b"eXIf", b"IDAT"
_WITH_ORIENTATION = (b"Raw profile type exif", b"Raw profile type APP1", b"XML:com.adobe.xmp")
_MAX_TEXT = 1 << 19  # bytes, unpacked; half of what Pillow takes
_MAX_TEXTS = 16  # so all of them together stay far below what Pillow takes


def without_long_texts(content: bytes) -> bytes:
    """The bytes of a PNG without its colour profile and without texts, except short ones that may hold EXIF or XMP.

    Bytes that are no PNG, and what follows a damaged chunk, are returned as they are.
    """
    if not content.startswith(SIGNATURE):
        return content
    parts, kept_until, texts = [], 0, 0
    for start, end, kind in _chunks(content):
        if kind not in (*_TEXTS, _PROFILE):
            continue
        if kind in _TEXTS and texts < _MAX_TEXTS and _may_hold_orientation(kind, content[start + 8 : end - 4]):
            texts += 1
            continue
        parts.append(content[kept_until:start])
        kept_until = end
    return b"".join([*parts, content[kept_until:]]) if parts else content


def ends_with_orientation(content: bytes) -> bool:
    """Whether these are the bytes of a PNG that may state its EXIF orientation behind the pixels."""
    if not content.startswith(SIGNATURE):
        return False
    pixels_seen = False
    for start, end, kind in _chunks(content):
        pixels_seen = pixels_seen or kind == _PIXELS
        is_text = kind in _TEXTS and _may_hold_orientation(kind, content[start + 8 : end - 4])
        if pixels_seen and (kind == _EXIF or is_text):
            return True
    return False


def _chunks(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and kind of each complete chunk: 4 bytes of length, 4 of kind, the data, and 4 of checksum."""
    start = len(SIGNATURE)
    while start + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, start)
        end = start + 12 + length
        if end > len(content):
            return
        yield start, end, content[start + 4 : start + 8]
        start = end


def _may_hold_orientation(kind: bytes, data: bytes) -> bool:
    keyword, _, rest = data.partition(b"\0")
    if keyword not in _WITH_ORIENTATION or len(data) > _MAX_TEXT:
        return False
    if kind == b"iTXt" and rest[:1] == b"\x01":  # packed: behind two flags, a language and a translated keyword
        packed = rest[2:].split(b"\0", 2)[-1]
    elif kind == b"zTXt":
        packed = rest[1:]
    else:
        return True
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed, _MAX_TEXT)
    except zlib.error:
        return False
    return not unpacker.unconsumed_tail
