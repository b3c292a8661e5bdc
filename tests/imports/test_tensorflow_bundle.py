"""Tensors of a TensorFlow checkpoint, from files that are written by the format's description."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from made_bundles import write_bundle
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.imports.tensorflow_bundle import read_bundle


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
