"""Tensors of a TensorFlow checkpoint, from files that are written here by the format's description."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.imports.tensorflow_bundle import read_bundle

MAGIC = 0xDB4775248B80FB57


def varint(number: int) -> bytes:
    out = b""
    while number >= 128:
        out, number = out + bytes([number % 128 + 128]), number // 128
    return out + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
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


def write_bundle(folder: Path, tensors: dict[str, Tensor], **how: Any) -> Path:
    """NAME.index and NAME.data-…, with an int64 counter among the floats."""
    data, entries = b"", [(b"", field(1, 1) + field(3, field(1, 1)))]
    everything = {**tensors, "global_step": torch.tensor(7)}
    for name in sorted(everything):
        tensor = everything[name]
        content = tensor.contiguous().numpy().tobytes()
        shape = b"".join(field(2, field(1, size)) for size in tensor.shape)
        kind = 9 if tensor.dtype == torch.int64 else 1
        value = field(1, kind) + field(2, shape)
        value += (field(4, len(data)) if data else b"") + field(5, len(content)) + bytes([6 << 3 | 5]) + b"crc4"
        entries.append((name.encode(), value))
        data += content
    (folder / "m.data-00000-of-00001").write_bytes(data)
    index = folder / "m.index"
    index.write_bytes(table(entries, **how))
    return index


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    shapes = {f"generator_B/conv_{i}/kernel": (i + 1, 200) for i in range(6)}
    return {name: torch.randn(shape) for name, shape in shapes.items()} | {"scalar": torch.tensor(2.5)}


@pytest.mark.parametrize("blocks", [1, 3])
def test_every_float_tensor_comes_back_by_its_name_and_shape(
    tmp_path: Path, tensors: dict[str, Tensor], blocks: int
) -> None:
    read = read_bundle(write_bundle(tmp_path, tensors, blocks=blocks))
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].shape == tensor.shape
        assert read[name].equal(tensor), name


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.index").write_bytes(b"no table at all" * 9)
    with pytest.raises(UsageError, match=r"m\.index is not the index of a TensorFlow checkpoint"):
        read_bundle(tmp_path / "m.index")


def test_a_compressed_index_is_refused(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    with pytest.raises(UsageError, match=r"m\.index is compressed, which is not read"):
        read_bundle(write_bundle(tmp_path, tensors, compression=1))


def test_a_missing_or_short_data_file_is_named(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    index = write_bundle(tmp_path, tensors)
    data = tmp_path / "m.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-8])
    with pytest.raises(UsageError, match=r"m\.data-00000-of-00001 and m\.index do not fit together at scalar"):
        read_bundle(index)
    data.unlink()
    with pytest.raises(UsageError, match=r"names m\.data-00000-of-00001, which is not beside it"):
        read_bundle(index)


def test_a_damaged_index_is_refused(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    index = write_bundle(tmp_path, tensors)
    content = index.read_bytes()
    index.write_bytes(content[len(content) // 2 :])
    with pytest.raises(UsageError, match=r"m\.index is (damaged|compressed)"):
        read_bundle(index)
