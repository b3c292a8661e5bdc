"""The files of a published checkpoint hold plain tensors, or are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ugbench.errors import WeightsError
from ugbench.imports.checkpoint_files import read_tensors

ODD: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "without axes": (lambda tensor: tensor.sum(), r"shape \(\)"),
    "without elements": (lambda tensor: tensor[:0], r"shape \(0, 2\)"),
    "sparse": (lambda tensor: tensor.to_sparse(), "sparse_coo"),
    "complex": (lambda tensor: tensor.to(torch.complex64), "complex64"),
    "without values": (lambda tensor: tensor.to("meta"), "shape"),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_tensor_that_no_layer_has_is_refused_by_its_name(tmp_path: Path, kind: str) -> None:
    change, shown = ODD[kind]
    file = tmp_path / "nets.pt"
    torch.save({"G": {"0.bias": torch.ones(3), "0.weight": change(torch.ones(3, 2))}}, file)
    says = rf"nets\.pt is refused: G, 0\.weight is no plain tensor of real numbers \(.*{shown}.*\); name another file"
    with pytest.raises(WeightsError, match=says):
        read_tensors([file])


def test_plain_tensors_are_read_and_a_counter_needs_no_axes(tmp_path: Path) -> None:
    network = {"0.weight": torch.ones(3, 2, dtype=torch.float16), "0.num_batches_tracked": torch.tensor(5)}
    torch.save({"G": network}, tmp_path / "nets.pt")
    tensors = read_tensors([tmp_path / "nets.pt"])["G"]
    assert {name: (tensor.dtype, tensor.tolist()) for name, tensor in tensors.items()} == {
        name: (tensor.dtype, tensor.tolist()) for name, tensor in network.items()
    }
