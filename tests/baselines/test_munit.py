"""MUNIT: sizes of its networks, their initial weights, adaptive instance norm, and config."""

from __future__ import annotations

import re

import pytest
import torch
from small_munit import batch_for, stepped, tiny
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from baselines._munit_networks import adaptive_instance_norm
from baselines.munit import MUNIT, MUNITConfig
from ugbench.errors import ConfigError
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

pytestmark = pytest.mark.usefixtures("deterministic")


def test_the_networks_have_as_many_parameters_as_the_authors():
    with torch.device("meta"):
        method = MUNIT(MUNIT.make_config())
    parameters = {name: sum(p.numel() for p in network.parameters()) for name, network in method.named_children()}
    mlp = sum(p.numel() for p in method.decoder_a.mlp.parameters())
    assert mlp == 1_120_768
    assert parameters == {
        **dict.fromkeys(("content_encoder_a", "content_encoder_b"), 5_385_856),
        **dict.fromkeys(("style_encoder_a", "style_encoder_b"), 2_764_936),
        **dict.fromkeys(("decoder_a", "decoder_b"), 5_754_627 + mlp),
        **dict.fromkeys(("discriminator_a", "discriminator_b"), 8_271_171),
    }
    assert sum(parameters.values()) == 2 * 15_026_187 + 2 * 8_271_171


def test_a_translation_at_256_px_costs_the_authors_multiplications():
    with torch.device("meta"):
        method = MUNIT(MUNIT.make_config()).eval().requires_grad_(False)
        image, style = torch.zeros(1, 3, 256, 256), torch.zeros(1, 8)
    gigaflops = {}
    calls = {
        "translation": lambda: method.translate(image, "A2B", style),
        "content": lambda: method.content_encoder_a(image),
        "style": lambda: method.style_encoder_b(image),
        "discriminator": lambda: method.discriminator_b(image),
    }
    for name, call in calls.items():
        with FlopCounterMode(display=False) as counter:
            call()
        gigaflops[name] = round(counter.get_total_flops() / 2e9, 2)
    assert gigaflops == {"translation": 71.03, "content": 24.24, "style": 6.25, "discriminator": 2.18}


@pytest.mark.parametrize(("cycle_weight", "expected"), [(0, 1053.1), (10, 1333.8)])
def test_a_step_at_256_px_has_the_multiplications_of_its_passes(cycle_weight, expected):
    with FakeTensorMode():
        method = MUNIT(MUNIT.make_config("paper", None, {"cycle_weight": cycle_weight}))
        phases = Phases(build_optimizers(method))
        with FlopCounterMode(display=False) as counter:
            method.step(batch_for(method, 1), phases)
    # Forward: 4 contents, 4 styles, 6 decodings, 6 images judged; a cycle adds 2 decodings. Backward: twice that, but
    # the first fakes have no graph, and the generators' phase has no gradients of the discriminators' weights.
    assert round(counter.get_total_flops() / 2e9, 1) == expected


def test_the_paper_preset_trains_a_million_steps_at_a_rate_that_halves_every_hundred_thousand():
    config = MUNIT.make_config()
    assert (config.steps, config.size, config.batch_size, config.scales) == (1_000_000, 256, 1, 3)
    with torch.device("meta"):
        groups = MUNIT(config).groups()
    assert list(groups) == ["discriminators", "generators"]
    for group in groups.values():
        assert (group.lr, group.betas, group.eps, group.weight_decay) == (1e-4, (0.5, 0.999), 1e-8, 1e-4)
        steps = (0, 99_999, 100_000, 199_999, 200_000, 999_999)
        assert [group.schedule(step) for step in steps] == [1, 1, 0.5, 0.5, 0.25, 2**-9]


def test_the_variant_cycle_differs_in_the_weight_of_the_cycle_loss_alone():
    for preset in MUNIT.PRESETS:
        base, cycle = (MUNIT.make_config(preset, variant).model_dump() for variant in (None, "cycle"))
        assert {field: (base[field], cycle[field]) for field in base if base[field] != cycle[field]} == {
            "cycle_weight": (0, 10)
        }


@pytest.mark.parametrize(("size", "scales"), [(16, 1), (28, 1), (32, 2), (60, 2), (64, 3), ((16, 64), 1), (512, 3)])
def test_the_scales_follow_the_size_and_are_written_into_the_config(size, scales):
    config = MUNIT.make_config("smoke", None, {"size": size})
    assert config.model_dump()["scales"] == scales
    method = tiny(size=size)
    assert all(score.numel() for score in method.discriminator_a(batch_for(method).a))


@pytest.mark.parametrize("size", [16, 20, (16, 44), (44, 16)])
def test_the_smallest_images_are_trained_with_and_translated(size):
    method = tiny(size=size)
    batch = batch_for(method)
    assert all(torch.tensor(list(stepped(method, batch).values())).isfinite())
    with torch.no_grad():
        assert method.translate(batch.a, "A2B", torch.randn(2, 8)).shape == batch.a.shape


def test_given_scales_stay_and_come_back_from_a_stored_config():
    config = MUNIT.make_config("paper", None, {"scales": "4"})
    assert config.scales == 4
    assert MUNITConfig(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"scales": 3, "size": 32}, "scales: 3 was given; at size=32 it is at most 2."),
        ({"scales": 3, "size": "64x32"}, "scales: 3 was given; at size=64x32 it is at most 2."),
        ({"size": 30}, "size: 30 was given; "),
        ({"size": 12}, "size: 12 was given; "),
        ({"blocks": 0}, "blocks: 0 was given; "),
        ({"mlp_width": 0}, "mlp_width: 0 was given; "),
        ({"cycle_weight": -1}, "cycle_weight: -1 was given; "),
        ({"halve_every": 0}, "halve_every: 0 was given; "),
    ],
)
def test_a_field_that_cannot_have_a_value_is_named_with_it(fields, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        MUNIT.make_config("smoke", None, fields)


def test_weights_start_as_wide_as_their_inputs_ask_and_discriminators_narrow():
    method = tiny(channels=16, discriminator_channels=16, blocks=2, mlp_width=64)
    seen = 0
    for name, layer in method.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert not layer.bias.any(), name
            if layer.weight.numel() > 1000:
                expected = 0.02 if name.startswith("discriminator") else (2 / layer.weight[0].numel()) ** 0.5
                assert float(layer.weight.detach().std()) == pytest.approx(expected, rel=0.1), name
                seen += 1
    assert seen > 40


def test_the_decoders_layer_norm_starts_from_uniform_numbers():
    gammas = torch.cat([p for name, p in tiny(channels=64).named_parameters() if name.endswith("gamma")]).detach()
    assert 0 <= gammas.min() < 0.05 and 0.95 < gammas.max() < 1
    assert float(gammas.mean()) == pytest.approx(0.5, abs=0.05)


def test_adaptive_instance_norm_gives_each_channel_its_shift_and_its_scale():
    x = 3 * torch.randn(2, 3, 5, 7, dtype=torch.float64) + 2
    shift, scale = torch.randn(2, 2, 3, dtype=torch.float64)
    y = adaptive_instance_norm(x, shift, scale)
    torch.testing.assert_close(y.mean((2, 3)), shift, rtol=0, atol=1e-9)
    variance = x.var((2, 3), correction=0)
    torch.testing.assert_close(y.std((2, 3), correction=0), scale.abs() * (variance / (variance + 1e-5)).sqrt())
    first = (x[1, 2] - x[1, 2].mean()) / (x[1, 2].var(correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(y[1, 2], scale[1, 2] * first + shift[1, 2])


def test_the_mlp_gives_a_block_after_the_other_first_all_shifts_then_all_scales_of_each_norm():
    method = tiny(blocks=2)
    decoder, given = method.decoder_a, []
    width = 4 * method.config.channels
    with torch.no_grad():
        nn.init.zeros_(decoder.mlp[-1].weight)
        decoder.mlp[-1].bias.copy_(torch.arange(2 * 2 * 2 * width))
    for block in decoder.blocks:
        block.register_forward_pre_hook(lambda _module, args: given.append(args[1]))
    with torch.no_grad():
        decoder(torch.randn(3, width, 4, 4), torch.randn(3, 8))
    first_of_first_norm = [[norm[0, 0].item() for norm in of_block[0]] for of_block in given]
    assert first_of_first_norm == [[0, 2 * width], [4 * width, 6 * width]]
    assert given[0][2, 0].flatten().tolist() == list(range(2 * width))  # shifts, then scales
