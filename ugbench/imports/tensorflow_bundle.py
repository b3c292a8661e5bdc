"""Reads the tensors of a TensorFlow checkpoint (`NAME.index`, `NAME.data-00000-of-00001`) without TensorFlow.

The index is a sorted table as LevelDB writes it: blocks of entries whose keys share prefixes, a block of the
blocks' places, and a footer. An entry's value is a protocol buffer that says where in the data files a tensor lies.
Sources: LevelDB's table_format.md; TensorFlow's tensor_bundle.proto and tensor_shape.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ugbench.errors import UsageError

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
FLOAT = 1  # DataType.DT_FLOAT

Message = dict[int, list[int | bytes]]


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: `size` bytes from `offset` in data file `shard`."""

    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


def read_bundle(index: Path) -> dict[str, Tensor]:
    """The float32 tensors by name; others (counters) and sliced ones are left out.

    Raises:
        UsageError: the index is of another kind, compressed or damaged, or a data file is missing or short.
    """
    content = index.read_bytes()
    if len(content) < FOOTER or int.from_bytes(content[-8:], "little") != MAGIC:
        raise UsageError(f"{index} is no index of a TensorFlow checkpoint (its last 8 bytes are not a table's).")
    try:
        shards, places = _places(content)
    except _CompressedError:
        raise UsageError(
            f"{index} is compressed, which is not read; save it again with TensorFlow 1.2 to 2.x."
        ) from None
    except (IndexError, ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise UsageError(f"{index} is damaged: its entries cannot be read; copy it again.") from None
    tensors = {}
    for shard in sorted({place.shard for place in places.values()}):
        file = index.with_name(f"{index.stem}.data-{shard:05d}-of-{shards:05d}")
        if not file.is_file():
            raise UsageError(f"{index} names {file.name}, which is not beside it; put it there.")
        data = torch.from_file(str(file), size=file.stat().st_size, dtype=torch.uint8)
        for name, place in places.items():
            if place.shard != shard:
                continue
            end = place.offset + place.size
            if end > len(data) or place.size != 4 * math.prod(place.shape):
                raise UsageError(f"{file} and {index.name} do not fit at {name}; copy both again.")
            tensors[name] = data[place.offset : end].clone().view(torch.float32).view(place.shape)
    return tensors


class _CompressedError(Exception):
    """A block of the table is compressed."""


def _places(content: bytes) -> tuple[int, dict[str, Place]]:
    """The number of data files, and where each float32 tensor lies."""
    footer = content[-FOOTER:]
    at = 0
    for _ in range(2):  # the meta index's place, which is not needed
        _, at = _varint(footer, at)
    shards, places = 1, {}
    for _, handle in _entries(_block(content, footer, at)):
        for key, value in _entries(_block(content, handle, 0)):
            fields = _message(value)
            if key == b"":
                shards = int(fields.get(1, [1])[0])
                if int(fields.get(2, [0])[0]):
                    raise ValueError("big endian")
            elif fields.get(1) == [FLOAT] and 7 not in fields:
                dims = _message(bytes(fields.get(2, [b""])[0])).get(2, [])
                shape = tuple(int(_message(bytes(dim)).get(1, [0])[0]) for dim in dims)
                shard, offset, size = (int(fields.get(number, [0])[0]) for number in (3, 4, 5))
                places[key.decode()] = Place(shape, shard, offset, size)
    return shards, places


def _block(content: bytes, handle: bytes, at: int) -> bytes:
    """The block that a handle (offset, size) names."""
    offset, at = _varint(handle, at)
    size, _ = _varint(handle, at)
    if content[offset + size]:
        raise _CompressedError
    return content[offset : offset + size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values; a key says how many bytes it shares with the one before."""
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    key, at = b"", 0
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        size, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + size]
        at += own + size


def _message(content: bytes) -> Message:
    """A protocol buffer's fields by number: varints as numbers, the rest as bytes."""
    fields: Message = {}
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        kind = tag & 7
        value: int | bytes
        if kind == 0:
            value, at = _varint(content, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = _varint(content, at)
            value, at = content[at : at + size], at + size
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
