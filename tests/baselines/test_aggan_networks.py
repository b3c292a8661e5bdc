"""AGGAN's networks: as many parameters and multiplications as the authors', TensorFlow's padding, and norms."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from baselines._aggan_networks import Discriminator, attention_network, generator
from baselines.aggan import AGGAN
from ugbench.training.counts import count

NETWORKS = ("generator_a2b", "generator_b2a", "attention_a", "attention_b", "discriminator_a", "discriminator_b")
pytestmark = pytest.mark.usefixtures("deterministic")


def test_the_networks_have_as_many_parameters_as_the_authors() -> None:
    with torch.device("meta"):
        method = AGGAN(AGGAN.make_config())
        intended = attention_network(32, "intended")
    parameters = {name: sum(p.numel() for p in method.get_submodule(name).parameters()) for name in NETWORKS}
    assert [parameters[name] for name in NETWORKS] == [2_855_811] * 2 + [104_001] * 2 + [2_766_657] * 2
    assert sum(p.numel() for p in intended.parameters()) == 154_689
    assert method.pool_a.images.shape == method.pool_b.images.shape == (50, 4, 256, 256)


def test_the_networks_multiply_as_often_as_the_authors_but_for_the_attention_maps() -> None:
    with torch.device("meta"):
        networks = {
            "generator": generator(32, 9),
            "attention": attention_network(32, "published"),
            "intended attention": attention_network(32, "intended"),
        }
        discriminator, image = Discriminator(64), torch.zeros(1, 3, 256, 256)
        multiplications = {}
        for name, network in networks.items():
            with FlopCounterMode(display=False) as counter:
                network(image)
            multiplications[name] = round(counter.get_total_flops() / 2e9, 2)
        with FlopCounterMode(display=False) as counter:
            assert discriminator(image, torch.tensor(False)).shape == (1, 1, 35, 35)
        multiplications["discriminator"] = round(counter.get_total_flops() / 2e9, 2)
    # The authors' attention network takes 0.66 G for the same maps (test_aggan_checkpoints.py).
    assert multiplications == {
        "generator": 12.70,
        "attention": 0.48,
        "intended attention": 2.37,
        "discriminator": 3.61,
    }


def test_a_step_at_256_px_has_as_many_flop_as_the_documentation_says() -> None:
    described = count("aggan", AGGAN.make_config("paper", None, {"steps": 10}))
    assert described.flops_per_step is not None
    assert round(described.flops_per_step / 1e9) == 586


@pytest.mark.parametrize("side", ["row", "column"])
def test_a_halving_convolution_sees_a_pixel_and_the_two_after_it(side: str) -> None:
    halving = nn.Sequential(*list(generator(2, 1))[3:5]).double()
    x = torch.zeros(1, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    halving(x)[0, 0, 1, 1].backward()
    assert x.grad is not None
    seen = x.grad.abs().sum((0, 1, 2 if side == "column" else 3)).nonzero().flatten().tolist()
    assert seen == [2, 3, 4]
    assert halving(x).shape == (1, 4, 4, 4)


@pytest.mark.parametrize("side", ["row", "column"])
def test_a_doubling_convolution_writes_to_a_pixel_and_the_two_after_it(side: str) -> None:
    doubling = nn.Sequential(*list(generator(2, 1))[12:14]).double()
    x = torch.zeros(1, 8, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        background = doubling(x)
        x[0, 0, 1, 1] = 1
        written = (doubling(x) - background).abs().sum((0, 1, 2 if side == "column" else 3))
    assert written.nonzero().flatten().tolist() == [2, 3, 4]
    assert background.shape == (1, 4, 8, 8)


def test_a_discriminators_norm_is_torchs_instance_norm_or_nothing() -> None:
    network = Discriminator(3).double()
    norm = network.norms[1]
    x = torch.randn(2, 6, 5, 7, dtype=torch.float64)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
        normalised, as_it_is = norm(x, torch.tensor(False)), norm(x, torch.tensor(True))
    torch.testing.assert_close(normalised, F.instance_norm(x, weight=norm.weight, bias=norm.bias), rtol=0, atol=1e-12)
    assert as_it_is.equal(x)


def test_published_maps_are_flat_in_blocks_of_four_pixels_and_intended_ones_are_not() -> None:
    x = torch.rand(1, 3, 32, 32)
    flat = {}
    for kernels in ("published", "intended"):
        with torch.no_grad():
            soft = attention_network(4, kernels)(x)  # type: ignore[arg-type]
        flat[kernels] = soft.equal(F.interpolate(soft[..., ::4, ::4], scale_factor=4, mode="nearest"))
    assert flat == {"published": True, "intended": False}
