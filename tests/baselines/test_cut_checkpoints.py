"""Converted CUT checkpoints give the same outputs as plain networks with the keys of the public code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.cut import CUT
from ugbench.errors import UsageError

WIDTHS = {"channels": 4, "discriminator_channels": 2, "projection_channels": 8}
SIZE = 32


def kernel(*line: float) -> Tensor:
    weights = torch.tensor(line)
    return weights[:, None] * weights


def public(blocks: int = 2) -> dict[str, dict[str, Tensor]]:
    """State dicts as the authors' code writes them; their layout is written out here."""
    c = WIDTHS["channels"]
    end = 12 + blocks
    convolutions = {1: (c, 3, 7), 4: (2 * c, c, 3), 8: (4 * c, 2 * c, 3)}
    convolutions |= {end + 1: (2 * c, 4 * c, 3), end + 5: (c, 2 * c, 3), end + 9: (3, c, 7)}
    g = layers({f"model.{n}": shape for n, shape in convolutions.items()})
    g |= layers({f"model.{12 + i}.conv_block.{j}": (4 * c, 4 * c, 3) for i in range(blocks) for j in (1, 5)})
    down, up = kernel(1, 2, 1) / 16, kernel(1, 3, 3, 1) / 16  # of sum 1 and, as that code keeps it, 4
    blurs = {7: (down, 2 * c), 11: (down, 4 * c), end: (up, 4 * c), end + 4: (up, 2 * c)}
    g |= {f"model.{n}.filt": filt.repeat(width, 1, 1, 1) for n, (filt, width) in blurs.items()}
    w = WIDTHS["discriminator_channels"]
    shapes = {0: (w, 3, 4), 3: (2 * w, w, 4), 7: (4 * w, 2 * w, 4), 11: (8 * w, 4 * w, 4), 14: (1, 8 * w, 4)}
    d = layers({f"model.{n}": shape for n, shape in shapes.items()})
    d |= {f"model.{n}.filt": down.repeat(width, 1, 1, 1) for n, width in {2: w, 6: 2 * w, 10: 4 * w}.items()}
    f = {}
    for i, width in enumerate((3, 2 * c, 4 * c, 4 * c, 4 * c)):
        for j, columns in ((0, width), (2, WIDTHS["projection_channels"])):
            f[f"mlp_{i}.{j}.weight"] = torch.randn(WIDTHS["projection_channels"], columns)
            f[f"mlp_{i}.{j}.bias"] = torch.randn(WIDTHS["projection_channels"])
    return {"latest_net_G.pth": g, "latest_net_D.pth": d, "latest_net_F.pth": f}


def layers(shapes: dict[str, tuple[int, int, int]]) -> dict[str, Tensor]:
    state = {}
    for key, (out, width, side) in shapes.items():
        state[f"{key}.weight"] = torch.randn(out, width, side, side) / (side * width**0.5)
        state[f"{key}.bias"] = torch.randn(out) / 10
    return state


def conv(x: Tensor, state: dict[str, Tensor], key: str, reflect: int = 0, zeros: int = 0) -> Tensor:
    if reflect:
        x = F.pad(x, (reflect,) * 4, mode="reflect")
    return F.conv2d(x, state[f"{key}.weight"], state[f"{key}.bias"], padding=zeros)


def plain_generator(state: dict[str, Tensor], x: Tensor, blocks: int = 2) -> Tensor:
    """The public forward pass from the public keys, with the blurs that the file holds."""

    def normed(x: Tensor) -> Tensor:
        return F.relu(F.instance_norm(x))

    x = normed(conv(x, state, "model.1", reflect=3))
    for n in (4, 8):
        x = F.pad(normed(conv(x, state, f"model.{n}", zeros=1)), (1, 1, 1, 1), mode="reflect")
        x = F.conv2d(x, state[f"model.{n + 3}.filt"], stride=2, groups=x.shape[1])
    for n in range(12, 12 + blocks):
        y = normed(conv(x, state, f"model.{n}.conv_block.1", reflect=1))
        x = x + F.instance_norm(conv(y, state, f"model.{n}.conv_block.5", reflect=1))
    for n in (12 + blocks, 16 + blocks):
        wide = F.pad(x, (1, 1, 1, 1), mode="replicate")
        x = F.conv_transpose2d(wide, state[f"model.{n}.filt"], stride=2, groups=x.shape[1])[..., 3:-3, 3:-3]
        x = normed(conv(x, state, f"model.{n + 1}", zeros=1))
    return torch.tanh(conv(x, state, f"model.{21 + blocks}", reflect=3))


@pytest.fixture
def files(deterministic: None) -> dict[str, dict[str, Tensor]]:
    return public()


def test_published_networks_are_read_completely(files: dict[str, dict[str, Tensor]]) -> None:
    config, state = CUT.load_public_checkpoint(files)
    assert config.model_dump(include={*WIDTHS, "blocks", "size"}) == {**WIDTHS, "blocks": 2, "size": 256}
    method = CUT(config)
    method.load_state_dict(state)  # strict: nothing is missing or left over


def test_a_generator_translates_as_the_plain_public_forward_pass(files: dict[str, dict[str, Tensor]]) -> None:
    config, state = CUT.load_public_checkpoint({"latest_net_G.pth": files["latest_net_G.pth"]})
    assert {key.split(".")[0] for key in state} == {"generator"}
    method = CUT(config).double().eval()
    method.load_state_dict(state, strict=False)
    x = torch.rand(2, 3, SIZE, SIZE, dtype=torch.float64) * 2 - 1
    expected = plain_generator({key: value.double() for key, value in files["latest_net_G.pth"].items()}, x)
    assert expected.std() > 0.05
    with torch.no_grad():
        for direction in ("A2B", "B2A"):
            torch.testing.assert_close(method.translate(x, direction), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["latest_net_G.pth", "G", "200_net_G", "horse2zebra.pth", None])
def test_a_file_of_one_generator_is_read_by_any_name(files: dict[str, dict[str, Tensor]], name: str | None) -> None:
    weights = files["latest_net_G.pth"]
    _, state = CUT.load_public_checkpoint(weights if name is None else {name: weights}, direction="B2A")
    assert state["generator.12.layers.5.bias"].equal(weights["model.12.conv_block.5.bias"])


def test_the_prefix_of_data_parallel_and_dropouts_numbers_are_understood(files: dict[str, dict[str, Tensor]]) -> None:
    _, expected = CUT.load_public_checkpoint(files)
    old = {
        name: {f"module.{key}".replace("conv_block.5", "conv_block.6"): value for key, value in state.items()}
        for name, state in files.items()
    }
    _, state = CUT.load_public_checkpoint(old)
    assert state.keys() == expected.keys()
    assert all(state[key].equal(value) for key, value in expected.items())


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "net_g", "generator"])
def test_a_wrapped_generator_is_read_as_the_plain_one(files: dict[str, dict[str, Tensor]], wrapper: str) -> None:
    weights = files["latest_net_G.pth"]
    _, expected = CUT.load_public_checkpoint(weights)
    _, state = CUT.load_public_checkpoint({wrapper: weights, "epoch": 3, "optimizer": {"state": {}}})
    assert state.keys() == expected.keys()
    assert all(tensor.equal(expected[key]) for key, tensor in state.items())


def test_all_three_networks_may_be_in_one_file(files: dict[str, dict[str, Tensor]]) -> None:
    _, expected = CUT.load_public_checkpoint(files)
    networks = {name.removeprefix("latest_net_").removesuffix(".pth"): state for name, state in files.items()}
    assert list(networks) == ["G", "D", "F"]
    _, state = CUT.load_public_checkpoint({"state_dict": networks})
    assert state.keys() == expected.keys()
    by_other_names = {f"net_{name.lower()}": state for name, state in networks.items()}
    assert {key.split(".")[0] for key in CUT.load_public_checkpoint(by_other_names)[1]} == {"generator"}


def test_of_several_epochs_the_revision_picks_one(files: dict[str, dict[str, Tensor]]) -> None:
    weights = files["latest_net_G.pth"]
    other = {key: value if key.endswith("filt") else torch.zeros_like(value) for key, value in weights.items()}
    both = {"latest_net_G.pth": weights, "5_net_G.pth": other}
    with pytest.raises(UsageError, match="epochs 5, latest were found; pick one with --revision"):
        CUT.load_public_checkpoint(both)
    assert not any(value.any() for value in CUT.load_public_checkpoint(both, "5")[1].values())
    with pytest.raises(UsageError, match=r"expected .* of epoch 7"):
        CUT.load_public_checkpoint(both, "7")


def spoilt(name: str) -> dict[str, Any]:
    files: dict[str, Any] = public()
    g, d = files["latest_net_G.pth"], files["latest_net_D.pth"]
    if name == "nothing":
        return {}
    if name == "another dict":
        return {"epoch": 3, "encoder": g, "optimizer": {}}
    if name == "no generator":
        del files["latest_net_G.pth"]
    elif name == "a discriminator":
        return {"latest_net_G.pth": d}
    elif name == "no blurs":
        files["latest_net_G.pth"] = {key: value for key, value in g.items() if not key.endswith("filt")}
    elif name == "another blur":
        d["model.6.filt"] = (kernel(1, 1, 1) / 9).repeat(4, 1, 1, 1)
    elif name == "a blur not times 4":
        g["model.14.filt"] = g["model.14.filt"] / 4
    elif name == "unknown key":
        g["model.2.weight_v"] = torch.zeros(4)
    elif name == "missing":
        del g["model.4.bias"]
    elif name == "projection":
        files["latest_net_F.pth"]["mlp_5.0.bias"] = torch.zeros(8)
    return files


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("nothing", r"nothing was found; expected a state dict of a blurred ResNet generator"),
        ("another dict", r"epoch, encoder, optimizer was found; expected"),
        ("no generator", r"latest_net_D\.pth, latest_net_F\.pth was found; expected"),
        ("a discriminator", r"model\.0\.weight, .* was found, no residual blocks; expected"),
        ("no blurs", r"the blurs of G are nothing, expected model\.7\.filt, .*--as cyclegan"),
        ("another blur", r"model\.6\.filt of D is no blur by \[1, 2, 1\]"),
        ("a blur not times 4", r"model\.14\.filt of G is no blur by \[1, 3, 3, 1\]"),
        ("unknown key", r"the key model\.2\.weight_v is unknown"),
        ("missing", r"generator\.4\.bias is nothing, expected \(8,\)"),
        ("projection", r"projection\.5\.0\.bias is \(8,\), expected nothing"),
    ],
)
def test_the_error_for_another_file_says_what_was_found_and_what_was_expected(wrong: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        CUT.load_public_checkpoint(spoilt(wrong))
