"""Writes TensorFlow checkpoints by the description of the format, without TensorFlow."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

MAGIC = 0xDB4775248B80FB57


def varint(number: int) -> bytes:
    """A number with 7 bits per byte, the lowest first."""
    out = b""
    while number >= 128:
        out, number = out + bytes([number % 128 + 128]), number // 128
    return out + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def table(entries: list[tuple[bytes, bytes]], blocks: int = 2, compression: int = 0) -> bytes:
    """A sorted table: `blocks` data blocks, an empty meta index, an index, a footer."""
    out, places = b"", []
    cuts = [len(entries) * i // blocks for i in range(blocks + 1)]
    parts = [entries[a:b] for a, b in zip(cuts, cuts[1:])]  # noqa: B905, RUF007
    for part in [*parts, [], None]:
        block = entries_of([(key, place) for key, place in places if place] if part is None else part)
        places.append((part[-1][0] if part else b"", varint(len(out)) + varint(len(block))))
        out += block + bytes([compression]) + b"crc?"
        if part == []:
            meta = places.pop()[1]
    footer = meta + places[-1][1]
    return out + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def entries_of(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A block whose keys share prefixes, with one restart."""
    out, before = b"", b""
    for key, value in entries:
        shared = next(
            (i for i, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return out + struct.pack("<II", 0, 1)


def write_bundle(folder: Path, tensors: dict[str, Tensor], name: str = "m", **how: Any) -> Path:
    """NAME.index and NAME.data-…, with an int64 counter among the floats; returns the index."""
    parts, size, entries = [], 0, [(b"", field(1, 1) + field(3, field(1, 1)))]
    everything = {**tensors, "global_step": torch.tensor(7)}
    for key in sorted(everything):
        tensor = everything[key]
        content = tensor.contiguous().numpy().tobytes()
        shape = b"".join(field(2, field(1, side)) for side in tensor.shape)
        kind = 9 if tensor.dtype == torch.int64 else 1
        value = field(1, kind) + field(2, shape)
        value += (field(4, size) if size else b"") + field(5, len(content)) + bytes([6 << 3 | 5]) + b"crc4"
        entries.append((key.encode(), value))
        parts.append(content)
        size += len(content)
    (folder / f"{name}.data-00000-of-00001").write_bytes(b"".join(parts))
    index = folder / f"{name}.index"
    index.write_bytes(table(entries, **how))
    return index
