"""TIFF files written tag by tag, of kinds that Pillow does not write."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

SHORT, LONG, ASCII = 3, 4, 2
LETTERS = {SHORT: "H", LONG: "I"}
Value = int | Sequence[int] | str


def page_tags(width: int, height: int, **changes: Value | None) -> dict[int, Value]:
    """The tags of an uncompressed grey page of 8 bits, with changes by name; None leaves a tag out."""
    names = {
        "subfile": 254, "width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262,
        "description": 270, "orientation": 274, "samples": 277, "rows": 278, "largest": 281, "planar": 284,
        "palette": 320, "extra": 338, "sample_format": 339, "subsampling": 530,
    }  # fmt: skip
    tags: dict[str, Value | None] = {
        "width": width, "height": height, "bits": 8, "compression": 1, "photometric": 1, "samples": 1, "rows": height,
    }  # fmt: skip
    return {names[name]: value for name, value in {**tags, **changes}.items() if value is not None}


def write_tiff(path: Path, *pages: tuple[Mapping[int, Value], bytes], order: str = "<") -> Path:
    """Write a TIFF with these pages (tags, pixels); order "<" is little-endian, ">" is big-endian."""
    content = (b"II*\0" if order == "<" else b"MM\0*") + bytes(4)
    link = 4  # where the offset of the next page is written
    for tags, pixels in pages:
        place = len(content)
        content += pixels + bytes(len(pixels) % 2)
        entries = []
        for tag, value in sorted({**tags, 273: place, 279: len(pixels)}.items()):
            if isinstance(value, str):
                kind, count, data = ASCII, len(value) + 1, value.encode() + b"\0"
            else:
                values = (value,) if isinstance(value, int) else tuple(value)
                kind = LONG if max(values) > 65535 else SHORT
                count, data = len(values), struct.pack(f"{order}{len(values)}{LETTERS[kind]}", *values)
            if len(data) > 4:
                offset = len(content)
                content += data + bytes(len(data) % 2)
                data = struct.pack(f"{order}I", offset)
            entries.append(struct.pack(f"{order}HHI", tag, kind, count) + data.ljust(4, b"\0"))
        table = len(content)
        content += struct.pack(f"{order}H", len(entries)) + b"".join(entries)
        content = content[:link] + struct.pack(f"{order}I", table) + content[link + 4 :]
        link = len(content)
        content += bytes(4)
    path.write_bytes(content)
    return path
