"""Converted UNIT checkpoints give the same outputs as plain networks with the keys of the public code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.unit import UNIT
from ugbench.errors import UsageError
from ugbench.imports.checkpoint_files import read_tensors

CHANNELS, BLOCKS, SIZE = 4, 2, 32
State = dict[str, Tensor]


def public(seed: int, blocks: int = BLOCKS) -> State:
    """Random weights of one domain's encoder and decoder, by the public keys written out."""
    torch.manual_seed(seed)
    c, c2, c4 = CHANNELS, 2 * CHANNELS, 4 * CHANNELS
    shapes = {"enc.model.0": (c, 3, 7), "enc.model.1": (c2, c, 4), "enc.model.2": (c4, c2, 4)}
    for start in ("enc.model.3", "dec.model.0"):
        for block in range(blocks):
            shapes |= {f"{start}.model.{block}.model.{layer}": (c4, c4, 3) for layer in (0, 1)}
    shapes |= {"dec.model.2": (c2, c4, 5), "dec.model.4": (c, c2, 5), "dec.model.5": (3, c, 7)}
    state = {}
    for name, (out, channels, kernel) in shapes.items():
        state[f"{name}.conv.weight"] = torch.randn(out, channels, kernel, kernel) / (channels * kernel**2) ** 0.5
        state[f"{name}.conv.bias"] = torch.randn(out) / 4
        if name in ("dec.model.2", "dec.model.4"):
            state[f"{name}.norm.gamma"] = torch.rand(out) + 0.5
            state[f"{name}.norm.beta"] = torch.randn(out) / 4
    return state


def conv(state: State, name: str, x: Tensor, pad: int, stride: int = 1) -> Tensor:
    x = F.pad(x, (pad, pad, pad, pad), mode="reflect")
    weight, bias = (state[f"{name}.conv.{kind}"].double() for kind in ("weight", "bias"))
    return F.conv2d(x, weight, bias, stride)


def residual(state: State, start: str, x: Tensor, blocks: int) -> Tensor:
    for block in range(blocks):
        inner = F.relu(F.instance_norm(conv(state, f"{start}.model.{block}.model.0", x, 1)))
        x = x + F.instance_norm(conv(state, f"{start}.model.{block}.model.1", inner, 1))
    return x


def encode(state: State, x: Tensor, blocks: int) -> Tensor:
    for layer, (pad, stride) in enumerate([(3, 1), (1, 2), (1, 2)]):
        x = F.relu(F.instance_norm(conv(state, f"enc.model.{layer}", x, pad, stride)))
    return residual(state, "enc.model.3", x, blocks)


def decode(state: State, x: Tensor, blocks: int) -> Tensor:
    x = residual(state, "dec.model.0", x, blocks)
    for name in ("dec.model.2", "dec.model.4"):
        x = conv(state, name, x.repeat_interleave(2, 2).repeat_interleave(2, 3), 2)
        gamma, beta = (state[f"{name}.norm.{kind}"].double().view(1, -1, 1, 1) for kind in ("gamma", "beta"))
        mean, std = x.mean((1, 2, 3), keepdim=True), x.std((1, 2, 3), keepdim=True)
        x = F.relu(gamma * (x - mean) / (std + 1e-5) + beta)
    return torch.tanh(conv(state, "dec.model.5", x, 3))


def built(tensors: dict[str, Any]) -> UNIT:
    config, state = UNIT.load_public_checkpoint(tensors)
    method = UNIT(config.model_copy(update={"size": SIZE, "scales": 1}))
    missing, unexpected = method.load_state_dict(state, strict=False)
    assert not unexpected
    assert {key.split(".")[0] for key in missing} == {"discriminator_a", "discriminator_b"}
    return method.double().eval()


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_a_file_translates_as_plain_networks_with_its_keys_do(blocks: int, tmp_path: Path) -> None:
    pair = {"a": public(0, blocks), "b": public(1, blocks)}
    torch.save(pair, tmp_path / "gen_00000010.pt")
    method = built(read_tensors([tmp_path / "gen_00000010.pt"]))
    assert (method.config.channels, method.config.blocks) == (CHANNELS, blocks)
    x = torch.rand(2, 3, SIZE, SIZE, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        for direction, source, target in (("A2B", "a", "b"), ("B2A", "b", "a")):
            expected = decode(pair[target], encode(pair[source], x, blocks), blocks)
            assert expected.std() > 0.05
            torch.testing.assert_close(method.translate(x, direction), expected, rtol=0, atol=1e-9)


def test_the_tensors_tell_all_but_the_size_which_is_taken_as_256_px() -> None:
    config, _ = UNIT.load_public_checkpoint({"a": public(0), "b": public(1)})
    assert config == UNIT.make_config("paper", None, {"channels": CHANNELS, "blocks": BLOCKS, "steps": None})


def without(state: State, key: str) -> State:
    return {name: value for name, value in state.items() if name != key}


A, B = public(0), public(1)
JUDGE = {"cnns.0.0.conv.weight": torch.zeros(4, 3, 4, 4)}


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"a": A}, r"^UNIT checkpoint: a was found; expected the networks a and b of one gen_########\.pt"),
        ({"a": {}, "b": {}}, "a has nothing; expected"),
        ({"a": JUDGE, "b": JUDGE}, r"a has the unknown key cnns\.0\.0\.conv\.weight; .* holds discriminators"),
        ({"a": A, "b": {**B, "mlp.model.0.fc.bias": A["enc.model.0.conv.bias"]}}, r"b has the unknown key mlp\.model"),
        ({"a": A, "b": {**B, "enc.model.4.conv.bias": torch.zeros(1)}}, r"b has the unknown key enc\.model\.4"),
        ({"a": A, "b": without(B, "dec.model.5.conv.bias")}, r"decoder_b\.13\.bias is nothing, expected \(3,\)"),
        ({"a": without(A, "dec.model.2.norm.gamma"), "b": B}, r"decoder_a\.5\.gamma is nothing, expected \(8,\)"),
        (
            {"a": A, "b": {**B, "enc.model.0.conv.bias": torch.zeros(9)}},
            r"encoder_b\.1\.bias is \(9,\), expected \(4,\)",
        ),
        ({"a": A, "b": public(1, 3)}, r"b\..* expected .*same channels and residual blocks in both domains"),
    ],
)
def test_the_error_for_another_file_says_what_was_found_and_what_was_expected(
    tensors: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        UNIT.load_public_checkpoint(tensors)


def test_a_revision_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--revision 7 was given; there is one, leave it out"):
        UNIT.load_public_checkpoint({"a": A, "b": B}, "7")
