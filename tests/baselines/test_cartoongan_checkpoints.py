"""Converted generators of the PyTorch port give the same images as plain ones with its keys, in BGR as it computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.cartoongan import CartoonGAN
from ugbench.errors import UsageError
from ugbench.imports.checkpoint_files import read_tensors

CHANNELS, SIZE = 4, 32
State = dict[str, Tensor]


def public(seed: int, blocks: int = 8, biases: bool = True) -> State:
    """Random weights of a generator, by the port's keys written out."""
    random = torch.Generator().manual_seed(seed)
    c, c2, c4 = CHANNELS, 2 * CHANNELS, 4 * CHANNELS
    convs = {
        **{"conv01_1": (c, 3, 7), "conv02_1": (c2, c, 3), "conv02_2": (c2, c2, 3)},
        **{"conv03_1": (c4, c2, 3), "conv03_2": (c4, c4, 3)},
        **{f"conv{4 + block:02}_{layer}": (c4, c4, 3) for block in range(blocks) for layer in (1, 2)},
        **{"deconv01_1": (c2, c4, 3), "deconv01_2": (c2, c2, 3), "deconv02_1": (c, c2, 3), "deconv02_2": (c, c, 3)},
        "deconv03_1": (3, c, 7),
    }
    norms = {"in01_1": c, "in02_1": c2, "in03_1": c4, "in12_1": c2, "in13_1": c}
    norms |= {f"in{4 + block:02}_{layer}": c4 for block in range(blocks) for layer in (1, 2)}
    state = {}
    for name, (out, channels, kernel) in convs.items():
        shape = (channels, out) if name in ("deconv01_1", "deconv02_1") else (out, channels)
        weight = torch.randn(*shape, kernel, kernel, generator=random) / (channels * kernel**2) ** 0.5
        state[f"{name}.weight"] = weight
        if biases:
            state[f"{name}.bias"] = torch.randn(out, generator=random) / 4
    for name, channels in norms.items():
        state[f"{name}.scale"] = torch.rand(channels, generator=random) + 0.5
        state[f"{name}.shift"] = torch.randn(channels, generator=random) / 4
    return state


def conv(state: State, name: str, x: Tensor, pad: int, stride: int = 1, mode: str = "constant") -> Tensor:
    bias = state.get(f"{name}.bias")
    x = F.pad(x, (pad,) * 4, mode=mode)
    return F.conv2d(x, state[f"{name}.weight"].double(), None if bias is None else bias.double(), stride)


def norm(state: State, name: str, x: Tensor) -> Tensor:
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)
    scale, shift = (state[f"{name}.{kind}"].double().view(1, -1, 1, 1) for kind in ("scale", "shift"))
    return (x - mean) / (variance + 1e-9).sqrt() * scale + shift


def up(state: State, name: str, x: Tensor) -> Tensor:
    bias = state.get(f"{name}.bias")
    weight = state[f"{name}.weight"].double()
    return F.conv_transpose2d(x, weight, None if bias is None else bias.double(), 2, 1, 1)


def translate(state: State, rgb: Tensor, blocks: int) -> Tensor:
    """The port's translation, plainly: BGR inside, RGB outside."""
    x = conv(state, "conv01_1", rgb.flip(1), 3, mode="reflect")
    x = F.relu(norm(state, "in01_1", x))
    for number in ("02", "03"):
        x = conv(state, f"conv{number}_2", conv(state, f"conv{number}_1", x, 1, stride=2), 1)
        x = F.relu(norm(state, f"in{number}_1", x))
    for block in range(4, 4 + blocks):
        inner = F.relu(norm(state, f"in{block:02}_1", conv(state, f"conv{block:02}_1", x, 1, mode="reflect")))
        x = norm(state, f"in{block:02}_2", conv(state, f"conv{block:02}_2", inner, 1, mode="reflect")) + x
    for number, of_norm in (("01", "in12_1"), ("02", "in13_1")):
        x = conv(state, f"deconv{number}_2", up(state, f"deconv{number}_1", x), 1)
        x = F.relu(norm(state, of_norm, x))
    return torch.tanh(conv(state, "deconv03_1", x, 3, mode="reflect")).flip(1)


def built(tensors: dict[str, Any], revision: str | None = None) -> CartoonGAN:
    config, state = CartoonGAN.load_public_checkpoint(tensors, revision)
    fields = {"size": SIZE, "content_network": "random", "random_channels": 1, "pool_size": 0}
    method = CartoonGAN(config.model_copy(update=fields))
    missing, unexpected = method.load_state_dict(state, strict=False)
    assert not unexpected
    assert {key.split(".")[0] for key in missing} == {"discriminator", "pool", "random_network"}
    return method.double().eval()


@pytest.mark.parametrize(("blocks", "biases"), [(1, True), (8, True), (2, False)])
def test_a_file_translates_as_a_plain_generator_with_its_keys_does(blocks: int, biases: bool, tmp_path: Path) -> None:
    state = public(0, blocks, biases)
    torch.save(state, tmp_path / "Hayao_net_G_float.pth")
    method = built(read_tensors([tmp_path / "Hayao_net_G_float.pth"]))
    config = method.config
    assert (config.channels, config.blocks, config.biases, config.norm_eps) == (CHANNELS, blocks, biases, 1e-9)
    x = torch.rand(2, 3, SIZE, SIZE, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        expected = translate(state, x, blocks)
        assert expected.std() > 0.05
        assert (expected - translate(state, x.flip(1), blocks).flip(1)).abs().max() > 0.01  # the order matters
        torch.testing.assert_close(method.translate(x, "A2B"), expected, rtol=0, atol=1e-9)


def test_the_tensors_tell_all_but_the_size_which_is_taken_as_256_px() -> None:
    config, _ = CartoonGAN.load_public_checkpoint(public(0))
    fields = {"channels": CHANNELS, "biases": True, "norm_eps": 1e-9}
    assert config == CartoonGAN.make_config("paper", None, {**fields, "batch_size": 1, "steps": None, "epochs": None})


def test_of_several_styles_one_is_picked_by_name() -> None:
    files = {f"{style}_net_G_float.pth": public(seed) for seed, style in enumerate(("Hayao", "Paprika"))}
    with pytest.raises(UsageError, match=r"the styles Hayao, Paprika were found; pick one with --revision"):
        CartoonGAN.load_public_checkpoint(files)
    _, state = CartoonGAN.load_public_checkpoint(files, "Paprika")
    assert state["generator.4.weight"].equal(files["Paprika_net_G_float.pth"]["conv02_1.weight"])
    with pytest.raises(UsageError, match=r"expected the state dict of one generator .* of the style Hosoda\.$"):
        CartoonGAN.load_public_checkpoint(files, "Hosoda")


def test_a_wrapped_file_with_prefixed_keys_is_read_as_the_plain_one() -> None:
    plain = public(0)
    _, expected = CartoonGAN.load_public_checkpoint(plain)
    for content in ({f"module.{key}": x for key, x in plain.items()}, {"state_dict": plain, "epoch": 3}):
        _, state = CartoonGAN.load_public_checkpoint(content)
        assert state.keys() == expected.keys()
        assert all(tensor.equal(expected[key]) for key, tensor in state.items())


def without(key: str) -> State:
    return {name: tensor for name, tensor in public(0).items() if name != key}


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({}, r"^CartoonGAN checkpoint: nothing was found; expected the state dict of one generator"),
        ({"model.1.weight": torch.zeros(4, 3, 7, 7)}, r"the key model\.1\.weight is unknown, among model\.1\.weight"),
        ({**public(0), "conv01_1.scale": torch.zeros(1)}, r"the key conv01_1\.scale is unknown"),
        ({**public(0), "in04_3.scale": torch.zeros(1)}, r"the key in04_3\.scale is unknown"),
        ({"in01_1.scale": torch.zeros(4)}, r"in01_1\.scale was found; expected"),
        (without("deconv03_1.bias"), r"generator\.29\.bias is nothing, expected \(3,\)"),
        (without("in07_2.shift"), r"generator\.15\.layers\.6\.bias is nothing, expected \(16,\)"),
        ({**public(0), "in02_1.scale": torch.zeros(9)}, r"generator\.6\.weight is \(9,\), expected \(8,\)"),
    ],
)
def test_the_error_for_another_file_says_what_was_found_and_what_was_expected(
    tensors: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        CartoonGAN.load_public_checkpoint(tensors)
