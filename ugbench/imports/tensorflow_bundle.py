"""Reads the tensors of a TensorFlow checkpoint (`NAME.index`, `NAME.data-00000-of-00001`) without TensorFlow.

The index is a sorted table in LevelDB's format: blocks of entries, a block with the positions of these blocks, and a
footer. The keys of a block's entries share prefixes. The value of an entry is a protocol buffer with the position of
a tensor in the data files.
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
FOOTER = 48  # bytes
FLOAT = 1  # DataType.DT_FLOAT
# A damaged or forged index must not cost more time or memory than its size and that of its data files.
LARGEST_INDEX = 64 << 20  # bytes; the index of a model of a hundred million parameters has some ten thousand
LONGEST_KEY, LONGEST_VARINT, MOST_DIMS = 4096, 10, 16

Message = dict[int, list[int | bytes]]


@dataclass(frozen=True)
class _Location:
    """Where a tensor is stored: `size` bytes from `offset` in data file number `shard`."""

    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


def read_bundle(index: Path) -> dict[str, Tensor]:
    """The float32 tensors of a checkpoint by name. Tensors of other types (counters) and sliced tensors are left out.

    Raises:
        UsageError: the index is another kind of file, compressed or damaged, or a data file is missing or too short.
    """
    with index.open("rb") as file_of_index:
        content = file_of_index.read(LARGEST_INDEX + 1)
    if len(content) > LARGEST_INDEX:
        raise UsageError(f"{index} has more than {LARGEST_INDEX:,} bytes, so it is no index; name another file.")
    if len(content) < FOOTER or int.from_bytes(content[-8:], "little") != MAGIC:
        raise UsageError(
            f"{index} is not the index of a TensorFlow checkpoint (its last 8 bytes differ); name another file."
        )
    try:
        shards, locations = _locations(content)
    except NotImplementedError:  # from _block
        raise UsageError(
            f"{index} is compressed, which is not read; save it again with TensorFlow 1.2 to 2.x."
        ) from None
    except (IndexError, ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise UsageError(f"{index} is damaged: its entries cannot be read; copy it again.") from None
    tensors = {}
    for shard in sorted({location.shard for location in locations.values()}):
        file = index.with_name(f"{index.stem}.data-{shard:05d}-of-{shards:05d}")
        if not file.is_file():
            raise UsageError(f"{index} names {file.name}, which is not beside it; put it there.")
        in_shard = {name: location for name, location in locations.items() if location.shard == shard}
        size = file.stat().st_size
        if sum(location.size for location in in_shard.values()) > size:
            raise UsageError(f"{index} names more tensors than {file.name} holds; copy both again.")
        data = torch.from_file(str(file), size=size, dtype=torch.uint8)
        for name, location in in_shard.items():
            end = location.offset + location.size
            if end > len(data) or location.size != 4 * math.prod(location.shape):
                raise UsageError(f"{file} and {index.name} do not fit together at {name}; copy both again.")
            tensors[name] = data[location.offset : end].clone().view(torch.float32).view(location.shape)
    return tensors


def _locations(content: bytes) -> tuple[int, dict[str, _Location]]:
    """The number of data files, and where each float32 tensor is stored."""
    footer = content[-FOOTER:]
    at = 0
    for _ in range(2):  # skips the offset and size of the meta index
        _, at = _varint(footer, at)
    shards, locations, read = 1, {}, 0
    for _, handle in _entries(_block(content, footer, at)):
        block = _block(content, handle, 0)
        read += len(block)
        if read > len(content):
            raise ValueError("blocks overlap")
        for key, value in _entries(block):
            fields = _message(value)
            if key == b"":
                shards = int(fields.get(1, [1])[0])
                if int(fields.get(2, [0])[0]):
                    raise ValueError("big endian")
            elif fields.get(1) == [FLOAT] and 7 not in fields:
                dims = _message(bytes(fields.get(2, [b""])[0])).get(2, [])
                if len(dims) > MOST_DIMS:
                    raise ValueError("too many dimensions")
                shape = tuple(int(_message(bytes(dim)).get(1, [0])[0]) for dim in dims)
                shard, offset, size = (int(fields.get(number, [0])[0]) for number in (3, 4, 5))
                locations[key.decode()] = _Location(shape, shard, offset, size)
    return shards, locations


def _block(content: bytes, handle: bytes, at: int) -> bytes:
    """The block at a handle (offset, size) that begins at byte `at`; NotImplementedError if it is compressed."""
    offset, at = _varint(handle, at)
    size, _ = _varint(handle, at)
    if content[offset + size]:
        raise NotImplementedError
    return content[offset : offset + size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block. Each key is stored as a number of bytes shared with the key before, and the rest."""
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    key, at = b"", 0
    while at < end:
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        size, at = _varint(block, at)
        if shared + unshared > LONGEST_KEY:
            raise ValueError("a key is too long")
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + size]
        at += size


def _message(content: bytes) -> Message:
    """The fields of a protocol buffer by number: varints as integers, all others as bytes."""
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
    """The number stored from byte `at` on, with 7 bits per byte and the lowest first, and the position after it."""
    value = 0
    for place in range(LONGEST_VARINT):
        byte = content[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise ValueError("a number is too long")
