"""Where the networks of a checkpoint are, whatever dictionaries and prefixes a training code put around them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ugbench.errors import UsageError
from ugbench.nn.state_dicts import first_not_finite, unwrapped


def network(value: float = 1.0) -> dict[str, Tensor]:
    return {"conv.weight": torch.full((2,), value), "conv.bias": torch.zeros(1)}


G, D = network(1), network(2)
ADAM = {"state": {0: {"step": torch.zeros(()), "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4}]}


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, Tensor):
        return bool(torch.equal(found, expected))
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    return bool(found == expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (G, G),
        ({"state_dict": G}, G),
        ({"model": G, "optimizer": ADAM, "epoch": 3, "step": torch.tensor(7)}, G),
        ({"net_g": G, "net_d": D}, G),
        ({"netG": G, "netD_A": D, "netF": D, "opt_d": ADAM}, G),
        ({"generator": G, "discriminator": D}, G),
        ({"params": G}, G),
        ({"checkpoint": {"state_dict": {"net_g": G}}}, G),
        ({"model": {"genA2B": G, "genB2A": D}, "iteration": 3}, {"genA2B": G, "genB2A": D}),
        ({"gen": {"a": G, "b": D}, "dis": {"a": D, "b": D}}, {"a": G, "b": D}),
        ({"a": {"state_dict": G}, "b": {"state_dict": D}}, {"a": G, "b": D}),
        ({"enc_c": G, "gen": D, "dis": D, "ep": 3}, {"enc_c": G, "gen": D, "dis": D, "ep": 3}),
        ({"G": G, "D": D, "F": D}, {"G": G, "D": D, "F": D}),
        ({"latest_net_G.pth": G}, {"latest_net_G.pth": G}),
        ({"epoch": 3, "model": {}, "optimizer": ADAM}, {"epoch": 3, "model": {}, "optimizer": ADAM}),
        ({}, {}),
    ],
)
def test_a_network_is_found_in_what_lies_around_it(content: dict[str, Any], expected: dict[str, Any]) -> None:
    assert same(unwrapped(content), expected)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"state_dict": G, "state_dict_ema": G}, "state_dict, state_dict_ema"),
        ({"params": G, "params_ema": G, "epoch": 1}, "params, params_ema"),
        ({"model": G, "net_g": G}, "model, net_g"),
        ({"net_g": G, "encoder": D, "net_d": D}, "net_g, encoder"),
        ({"checkpoint": {"model": G, "ema": G}}, "model, ema"),
    ],
)
def test_what_could_mean_several_networks_is_refused_with_their_names(content: dict[str, Any], names: str) -> None:
    with pytest.raises(UsageError, match=rf"^a\.pt holds several state dicts \({names}\), and only one can be read; "):
        unwrapped(content, "a.pt")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module.module.", "module._orig_mod."])
def test_prefixes_of_wrapped_modules_are_left_out_at_any_depth(prefix: str) -> None:
    prefixed = {f"{prefix}{key}": tensor for key, tensor in G.items()}
    assert same(unwrapped(prefixed), G)
    assert same(unwrapped({"model": {"genA2B": prefixed}}), {"genA2B": G})


def test_two_keys_that_differ_in_the_prefix_alone_are_left_as_they_are() -> None:
    both = {"module.w": torch.zeros(1), "w": torch.ones(1)}
    assert same(unwrapped(both), both)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_first_tensor_that_is_not_finite_is_named_with_its_count(value: float, dtype: torch.dtype) -> None:
    bad = torch.zeros(2, 3, dtype=dtype)
    bad[1, 2] = value
    assert first_not_finite({"a": torch.zeros(1), "n": torch.ones(1, dtype=torch.int64)}) is None
    assert first_not_finite({"a": torch.zeros(1), "b": bad, "c": bad}) == (
        "b has 1 of 6 values that are NaN or infinite"
    )


def test_tensors_without_values_have_none_that_are_not_finite() -> None:
    assert first_not_finite({"a": torch.empty(3, device="meta"), "b": torch.empty(0)}) is None
