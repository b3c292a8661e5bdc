"""Files `gen_########.pt` of the authors' codes of UNIT and MUNIT: two state dicts, wrapped or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from baselines._gen_files import networks_of_domains
from ugbench.errors import UsageError

A = {"enc.0.weight": torch.full((2,), 1.0), "enc.0.bias": torch.full((2,), 2.0), "dec.gamma": torch.full((1,), 3.0)}
B = {key: tensor + 10 for key, tensor in A.items()}
PAIR = {"a": A, "b": B}
PREFIXED = {name: {f"module.{key}": tensor for key, tensor in state.items()} for name, state in PAIR.items()}
STATISTICS = {
    "enc.0.norm.running_mean": torch.ones(2),
    "enc.0.norm.running_var": torch.ones(2),
    "enc.0.norm.num_batches_tracked": torch.ones(()),
}


def read(content: dict[str, Any]) -> dict[str, dict[str, Tensor]]:
    return {name: dict(state) for name, state in networks_of_domains(content, "THEIRS", "two networks").items()}


@pytest.mark.parametrize(
    "content",
    [
        PAIR,
        PREFIXED,
        {"gen": PAIR, "dis": PAIR},
        {"state_dict": PREFIXED, "iteration": 7},
        {**PAIR, "iteration": 7},
        {name: {**state, **STATISTICS} for name, state in PAIR.items()},
    ],
    ids=["plain", "of several devices", "of a generator", "as a state dict", "with a step", "with statistics of norms"],
)
def test_both_networks_are_read_without_wrapping_and_statistics(content: dict[str, Any]) -> None:
    assert read(content) == PAIR


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, "nothing"),
        ({"a": A}, "a"),
        (A, r"enc\.0\.weight, enc\.0\.bias, dec\.gamma"),
        ({"gen": {}, "dis": {}}, "gen, dis"),
        ({"a": {"state": {}}, "b": {"param_groups": []}}, "a, b"),
    ],
    ids=["empty", "one network", "a network alone", "wrappers of nothing", "optimizers"],
)
def test_another_file_is_refused_with_what_was_found(content: dict[str, Any], found: str) -> None:
    with pytest.raises(UsageError, match=f"^THEIRS checkpoint: {found} was found; expected two networks\\.$"):
        read(content)
