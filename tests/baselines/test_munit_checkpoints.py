"""Converted MUNIT checkpoints give the same outputs as plain networks with the keys of the public code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.munit import MUNIT
from ugbench.errors import UsageError
from ugbench.imports.checkpoint_files import read_tensors

CHANNELS, BLOCKS, MLP, STYLE, SIZE = 4, 2, 6, 8, 32
State = dict[str, Tensor]


def public(seed: int, blocks: int = BLOCKS, style: int = STYLE) -> State:
    """Random weights of one domain's networks, by the public keys written out."""
    torch.manual_seed(seed)
    c, c2, c4 = CHANNELS, 2 * CHANNELS, 4 * CHANNELS
    widths = [(c, 3, 7), (c2, c, 4), (c4, c2, 4), (c4, c4, 4), (c4, c4, 4)]
    convolutions = {f"enc_content.model.{i}.conv": shape for i, shape in enumerate(widths[:3])}
    for start in ("enc_content.model.3", "dec.model.0"):
        for block in range(blocks):
            convolutions |= {f"{start}.model.{block}.model.{layer}.conv": (c4, c4, 3) for layer in (0, 1)}
    convolutions |= {"dec.model.2.conv": (c2, c4, 5), "dec.model.4.conv": (c, c2, 5), "dec.model.5.conv": (3, c, 7)}
    convolutions |= {f"enc_style.model.{i}.conv": shape for i, shape in enumerate(widths)}
    convolutions["enc_style.model.6"] = (style, c4, 1)
    state = {}
    for name, (out, channels, kernel) in convolutions.items():
        state[f"{name}.weight"] = torch.randn(out, channels, kernel, kernel) / (channels * kernel**2) ** 0.5
        state[f"{name}.bias"] = torch.randn(out) / 4
    for norm, channels in (("dec.model.2.norm", c2), ("dec.model.4.norm", c)):
        state[f"{norm}.gamma"] = torch.rand(channels) + 0.5
        state[f"{norm}.beta"] = torch.randn(channels) / 4
    for layer, (out, units) in enumerate([(MLP, style), (MLP, MLP), (blocks * 4 * c4, MLP)]):
        state[f"mlp.model.{layer}.fc.weight"] = torch.randn(out, units) / units**0.5
        state[f"mlp.model.{layer}.fc.bias"] = torch.randn(out) / 4
    return state


def conv(state: State, name: str, x: Tensor, pad: int, stride: int = 1) -> Tensor:
    x = F.pad(x, (pad, pad, pad, pad), mode="reflect")
    weight, bias = (state[f"{name}.{kind}"].double() for kind in ("weight", "bias"))
    return F.conv2d(x, weight, bias, stride)


def content_of(state: State, x: Tensor, blocks: int) -> Tensor:
    for layer, (pad, stride) in enumerate([(3, 1), (1, 2), (1, 2)]):
        x = F.relu(F.instance_norm(conv(state, f"enc_content.model.{layer}.conv", x, pad, stride)))
    for block in range(blocks):
        start = f"enc_content.model.3.model.{block}.model"
        inner = F.relu(F.instance_norm(conv(state, f"{start}.0.conv", x, 1)))
        x = x + F.instance_norm(conv(state, f"{start}.1.conv", inner, 1))
    return x


def style_of(state: State, x: Tensor) -> Tensor:
    for layer in range(5):
        pad, stride = (1, 2) if layer else (3, 1)
        x = F.relu(conv(state, f"enc_style.model.{layer}.conv", x, pad, stride))
    return conv(state, "enc_style.model.6", x.mean((2, 3), keepdim=True), 0).flatten(1)


def affine_of(state: State, style: Tensor) -> list[Tensor]:
    """The shifts and scales of each norm, one after the other."""
    for layer in range(3):
        weight, bias = (state[f"mlp.model.{layer}.fc.{kind}"].double() for kind in ("weight", "bias"))
        style = F.linear(style, weight, bias)
        style = F.relu(style) if layer < 2 else style
    return [part[..., None, None] for part in style.split(4 * CHANNELS, dim=1)]


def decode(state: State, x: Tensor, style: Tensor, blocks: int) -> Tensor:
    affine = affine_of(state, style)
    for block in range(blocks):
        shift, scale, next_shift, next_scale = affine[4 * block : 4 * block + 4]
        start = f"dec.model.0.model.{block}.model"
        inner = F.relu(scale * F.instance_norm(conv(state, f"{start}.0.conv", x, 1)) + shift)
        x = x + next_scale * F.instance_norm(conv(state, f"{start}.1.conv", inner, 1)) + next_shift
    for name in ("dec.model.2", "dec.model.4"):
        x = conv(state, f"{name}.conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3), 2)
        gamma, beta = (state[f"{name}.norm.{kind}"].double().view(1, -1, 1, 1) for kind in ("gamma", "beta"))
        mean, std = x.mean((1, 2, 3), keepdim=True), x.std((1, 2, 3), keepdim=True)
        x = F.relu(gamma * (x - mean) / (std + 1e-5) + beta)
    return torch.tanh(conv(state, "dec.model.5.conv", x, 3))


def built(tensors: dict[str, Any]) -> MUNIT:
    config, state = MUNIT.load_public_checkpoint(tensors)
    method = MUNIT(config.model_copy(update={"size": SIZE, "scales": 1}))
    missing, unexpected = method.load_state_dict(state, strict=False)
    assert not unexpected
    assert {key.split(".")[0] for key in missing} == {"discriminator_a", "discriminator_b"}
    return method.double().eval()


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_a_file_translates_as_plain_networks_with_its_keys_do(blocks: int, tmp_path: Path) -> None:
    pair = {"a": public(0, blocks), "b": public(1, blocks)}
    torch.save(pair, tmp_path / "gen_00000010.pt")
    method = built(read_tensors([tmp_path / "gen_00000010.pt"]))
    config = method.config
    assert (config.channels, config.blocks, config.mlp_width) == (CHANNELS, blocks, MLP)
    x, example = torch.rand(2, 2, 3, SIZE, SIZE, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        for direction, source, target in (("A2B", "a", "b"), ("B2A", "b", "a")):
            style = style_of(pair[target], example)
            assert style.std() > 0.05
            torch.testing.assert_close(method.encode_style(example, direction), style, rtol=0, atol=1e-9)
            expected = decode(pair[target], content_of(pair[source], x, blocks), style, blocks)
            assert expected.std() > 0.05
            torch.testing.assert_close(method.translate(x, direction, style), expected, rtol=0, atol=1e-9)


def test_the_tensors_tell_all_but_the_size_which_is_taken_as_256_px() -> None:
    config, _ = MUNIT.load_public_checkpoint({"a": public(0), "b": public(1)})
    fields = {"channels": CHANNELS, "blocks": BLOCKS, "mlp_width": MLP, "steps": None}
    assert config == MUNIT.make_config("paper", None, fields)


def without(state: State, key: str) -> State:
    return {name: value for name, value in state.items() if name != key}


A, B = public(0), public(1)
JUDGE = {"cnns.0.0.conv.weight": torch.zeros(4, 3, 4, 4)}


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"a": A}, r"^MUNIT checkpoint: a was found; expected the networks a and b of one gen_########\.pt"),
        ({"a": {}, "b": {}}, "a has nothing; expected"),
        ({"a": JUDGE, "b": JUDGE}, r"a has the unknown key cnns\.0\.0\.conv\.weight; .* holds discriminators"),
        ({"a": A, "b": {**B, "enc.model.0.conv.bias": torch.zeros(1)}}, r"b has the unknown key enc\.model\.0"),
        ({"a": A, "b": {**B, "enc_content.model.4.conv.bias": torch.zeros(1)}}, r"b has the unknown key enc_content"),
        (
            {"a": A, "b": {**B, "dec.model.0.model.99999999999.model.0.conv.bias": torch.zeros(1)}},
            r"b has the unknown key dec\.model\.0\.model\.99999999999",
        ),
        ({"a": A, "b": without(B, "dec.model.5.conv.bias")}, r"b\.image\.11\.bias is nothing, expected \(3,\)"),
        (
            {"a": without(A, "dec.model.2.norm.gamma"), "b": B},
            r"decoder_a\.image\.3\.gamma is nothing, expected \(8,\)",
        ),
        (
            {"a": A, "b": {**B, "enc_content.model.0.conv.bias": torch.zeros(9)}},
            r"content_encoder_b\.1\.bias is \(9,\), expected \(4,\)",
        ),
        ({"a": A, "b": public(1, 3)}, r"b\..* expected .*same channels and residual blocks in both domains"),
        ({"a": public(0, style=3), "b": public(1, style=3)}, r"is \(6, 3\), expected \(6, 8\); .* styles of 8 numbers"),
    ],
)
def test_the_error_for_another_file_says_what_was_found_and_what_was_expected(
    tensors: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        MUNIT.load_public_checkpoint(tensors)


def test_a_revision_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--revision 7 was given; there is one, leave it out"):
        MUNIT.load_public_checkpoint({"a": A, "b": B}, "7")
