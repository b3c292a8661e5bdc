"""Converted CycleGAN checkpoints give the same outputs as plain networks with the keys of the public code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.cyclegan import CycleGAN
from ugbench.errors import UsageError

CHANNELS, SIZE = 4, 32


class PublicBlock(nn.Module):
    """x + conv_block(x), numbered as public checkpoints number it."""

    def __init__(self, width: int, dropout: bool, old: bool) -> None:
        super().__init__()
        between = [nn.Dropout(0.5)] if dropout else []
        self.conv_block = nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), norm(width, old), nn.ReLU(), *between),
            *(nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), norm(width, old)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class PublicGenerator(nn.Module):
    """A ResNet generator whose state dict has the public key names."""

    def __init__(self, blocks: int, *, dropout: bool = False, old: bool = False, resize: bool = False) -> None:
        super().__init__()
        half, wide = 2 * CHANNELS, 4 * CHANNELS
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, CHANNELS, 7), norm(CHANNELS, old), nn.ReLU()]
        for before, after in ((CHANNELS, half), (half, wide)):
            layers += [nn.Conv2d(before, after, 3, 2, 1), norm(after, old), nn.ReLU()]
        layers += [PublicBlock(wide, dropout, old) for _ in range(blocks)]
        for before, after in ((wide, half), (half, CHANNELS)):
            if resize:
                layers += [nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(before, after, 3)]
            else:
                layers += [nn.ConvTranspose2d(before, after, 3, 2, 1, 1)]
            layers += [norm(after, old), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(CHANNELS, 3, 7), nn.Tanh())
        self.eval()
        for module in self.modules():
            # Those versions of PyTorch kept statistics but normalised by the input's own, as train mode does now.
            if isinstance(module, nn.InstanceNorm2d):
                module.train()


def norm(width: int, old: bool) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(width, track_running_stats=old)


FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"dropout": True},
    "old norms": {"old": True},
    "resize": {"resize": True},
    "all": {"dropout": True, "old": True, "resize": True},
}
each_form = pytest.mark.parametrize("form", FORMS)


def public(form: str, blocks: int = 2, seed: int = 0) -> PublicGenerator:
    torch.manual_seed(seed)
    return PublicGenerator(blocks, **FORMS[form]).double()


def images() -> Tensor:
    return torch.rand(2, 3, SIZE, SIZE, dtype=torch.float64) * 2 - 1


def built(tensors: dict[str, Any]) -> tuple[CycleGAN, dict[str, Tensor]]:
    config, state = CycleGAN.load_public_checkpoint(tensors)
    method = CycleGAN(config.model_copy(update={"size": SIZE, "pool_size": 1})).double().eval()
    _, unexpected = method.load_state_dict(state, strict=False)
    assert not unexpected
    return method, state


def assert_same(output: Tensor, expected: Tensor) -> None:
    assert expected.std() > 0.05
    torch.testing.assert_close(output, expected, atol=1e-9, rtol=0)


@each_form
@pytest.mark.parametrize("blocks", [1, 3])
def test_one_generator_gives_the_outputs_of_the_plain_network(form: str, blocks: int) -> None:
    plain = public(form, blocks)
    method, state = built(plain.state_dict())
    x = images()
    with torch.no_grad():
        assert_same(method.translate(x, "A2B"), plain.model(x))
    assert {key.split(".")[0] for key in state} == {"generator_a2b"}
    config = method.config
    assert (config.blocks, config.channels) == (blocks, CHANNELS)
    assert config.upsampling == ("resize" if FORMS[form].get("resize") else "transposed")


@each_form
def test_of_a_pair_each_generator_translates_its_way(form: str) -> None:
    pair = {name: public(form, seed=seed) for seed, name in enumerate(("G_A", "G_B"))}
    method, _ = built({f"latest_net_{name}.pth": network.state_dict() for name, network in pair.items()})
    x = images()
    with torch.no_grad():
        assert_same(method.translate(x, "A2B"), pair["G_A"].model(x))
        assert_same(method.translate(x, "B2A"), pair["G_B"].model(x))


def test_the_public_layout_of_the_forms_is_what_checkpoints_have() -> None:
    """The oracle itself, by key names written out."""
    assert {"model.1.weight", "model.10.conv_block.5.bias", "model.12.weight", "model.19.bias"} < keys("plain")
    assert "model.10.conv_block.6.weight" in keys("dropout")
    assert {"model.2.running_mean", "model.10.conv_block.2.running_var"} < keys("old norms")
    assert {"model.14.weight", "model.19.weight", "model.23.weight"} < keys("resize")


def keys(form: str) -> set[str]:
    return set(public(form).state_dict())


@pytest.mark.parametrize("name", ["latest_net_G.pth", "G", "200_net_G", "horse2zebra.pth"])
def test_a_file_of_one_generator_is_read_by_any_name(name: str) -> None:
    weights = public("plain").state_dict()
    _, state = CycleGAN.load_public_checkpoint({name: weights})
    _, expected = CycleGAN.load_public_checkpoint(weights)
    assert state.keys() == expected.keys()


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "net_g", "netG", "params", "generator"])
def test_a_wrapped_generator_with_prefixed_keys_is_read_as_the_plain_one(wrapper: str) -> None:
    weights = public("plain").state_dict()
    prefixed = {f"module.{key}": tensor for key, tensor in weights.items()}
    _, expected = CycleGAN.load_public_checkpoint(weights)
    for content in ({wrapper: prefixed, "epoch": 3}, {"latest_net_G.pth": {wrapper: weights}}):
        _, state = CycleGAN.load_public_checkpoint(content)
        assert state.keys() == expected.keys()
        assert all(tensor.equal(expected[key]) for key, tensor in state.items())


def test_a_pair_in_one_file_is_read_by_the_names_of_its_networks() -> None:
    pair = {"net_G_A": public("plain").state_dict(), "net_G_B": public("plain", seed=1).state_dict()}
    _, state = CycleGAN.load_public_checkpoint({"models": pair, "iteration": 7})
    assert {key.split(".")[0] for key in state} == {"generator_a2b", "generator_b2a"}
    assert state["generator_b2a.1.bias"].equal(pair["net_G_B"]["model.1.bias"])


def test_resizing_is_a_field_of_the_config_and_has_plain_convolutions() -> None:
    overrides = {"size": SIZE, "upsampling": "resize", "channels": 4, "blocks": 1}
    config = CycleGAN.make_config("smoke", None, overrides)
    assert CycleGAN.Config(**config.model_dump()).upsampling == "resize"
    shapes = {key: tuple(value.shape) for key, value in CycleGAN(config).generator_a2b.state_dict().items()}
    assert (shapes["13.weight"], shapes["18.weight"]) == ((8, 16, 3, 3), (4, 8, 3, 3))


def spoilt(name: str) -> dict[str, Any]:
    weights = public("plain").state_dict()
    if name == "another dict":
        return {"epoch": 3, "encoder": weights, "decoder": weights}
    if name == "two states":
        return {"state_dict": weights, "state_dict_ema": weights}
    if name == "half a pair":
        return {"latest_net_G_A.pth": weights}
    if name == "one and a pair":
        return {"G": weights, "G_A": weights, "G_B": weights}
    if name == "a discriminator":
        return {f"model.{n}.{kind}": torch.zeros(1) for n in (0, 2, 5, 8, 11) for kind in ("weight", "bias")}
    if name == "a layer less":
        return {key: value for key, value in weights.items() if not key.startswith("model.15.")}
    if name == "zero padding":
        return {key.replace("conv_block.1", "conv_block.0"): value for key, value in weights.items()}
    if name == "nothing":
        return {}
    return {**weights, "model.1.bias": torch.zeros(9)}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("another dict", r"epoch, encoder, decoder was found; expected a state dict of a ResNet generator"),
        ("two states", r"several state dicts \(state_dict, state_dict_ema\), and only one can be read; save that one"),
        ("half a pair", r"latest_net_G_A\.pth was found; expected .*give one of a pair by itself, with --direction"),
        ("one and a pair", r"one generator and a pair; give one kind"),
        ("a discriminator", r"0 residual blocks and convolutions model\.N at N = 0, 2, 5, 8, 11 were found; expected"),
        ("a layer less", r"2 residual blocks .* N = 1, 4, 7, 12, 19 were found; .* then 12, 15, 19 or 14, 19, 23"),
        ("zero padding", r"conv_block\.0\.weight is unknown, among model\.1\.weight, .*; expected a state dict"),
        ("nothing", r"nothing was found; expected"),
        ("shape", r"generator_a2b\.1\.bias is \(9,\), expected \(4,\)"),
    ],
)
def test_the_error_for_another_file_says_what_was_found_and_what_was_expected(wrong: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        CycleGAN.load_public_checkpoint(spoilt(wrong))


def test_a_revision_of_a_file_without_an_epoch_is_refused() -> None:
    with pytest.raises(UsageError, match="of epoch 200"):
        CycleGAN.load_public_checkpoint(public("plain").state_dict(), "200")
