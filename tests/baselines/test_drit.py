"""DRIT: sizes of its networks, config, initial weights, what each step trains, and translation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from baselines._drit_config import DRITConfig
from baselines.drit import DRIT
from ugbench.contract.small_methods import random_batch
from ugbench.errors import ConfigError
from ugbench.training.counts import count
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

VARIANTS = (None, "transform")
JUDGES = ("discriminator_a", "discriminator_b", "random_discriminator_a", "random_discriminator_b")
FULL = 2  # number of the first step that trains everything
each_form = pytest.mark.parametrize("variant", VARIANTS)
pytestmark = pytest.mark.usefixtures("deterministic")


def tiny(variant: str | None = None, **fields: Any) -> DRIT:
    overrides = {"size": 32, "channels": 4, "discriminator_channels": 4, "blocks": 1, "steps": 12, **fields}
    return DRIT(DRIT.make_config("smoke", variant, overrides))


@pytest.mark.parametrize(
    ("variant", "attribute_encoder", "generator"), [(None, 2_688_160, 9_564_710), ("transform", 5_529_872, 17_146_374)]
)
def test_the_networks_have_as_many_parameters_as_the_authors(
    variant: str | None, attribute_encoder: int, generator: int
) -> None:
    with torch.device("meta"):
        method = DRIT(DRIT.make_config("paper", variant))
    parameters = {name: sum(p.numel() for p in network.parameters()) for name, network in method.named_children()}
    assert parameters == {
        "content_encoder": 9_018_112,
        "attribute_encoder": attribute_encoder,
        "generator": generator,
        **dict.fromkeys(JUDGES, 8_271_171),
        "content_discriminator": 10_683_649,
    }


@pytest.mark.parametrize(
    ("variant", "size", "translation", "attribute_encoder"),
    [
        (None, 256, 45.52, 4.24),
        ("transform", 256, 57.00, 6.25),
        (None, 216, 32.40, None),
        ("transform", 216, 40.58, None),
    ],
)
def test_a_translation_costs_the_authors_multiplications(
    variant: str | None, size: int, translation: float, attribute_encoder: float | None
) -> None:
    with torch.device("meta"):
        method = DRIT(DRIT.make_config("paper", variant, {"size": size})).eval().requires_grad_(False)
        image, style = torch.zeros(1, 3, size, size), torch.zeros(1, 8)
        code = method.content_encoder(image, "b")
    calls = {"translation": (translation, lambda: method.translate(image, "A2B", style))}
    if attribute_encoder is not None:
        calls |= {
            "attribute encoder": (attribute_encoder, lambda: method.encode_style(image, "A2B")),
            "content encoder": (22.36, lambda: method.content_encoder(image, "a")),
            "discriminator": (2.18, lambda: method.discriminator_b(image)),
            "content discriminator": (3.52, lambda: method.content_discriminator(code)),
        }
    for name, (expected, call) in calls.items():
        with FlopCounterMode(display=False) as counter:
            call()
        assert round(counter.get_total_flops() / 2e9, 2) == expected, name


@each_form
def test_the_paper_preset_makes_half_a_million_updates_of_the_generators(variant: str | None) -> None:
    config = DRIT.make_config("paper", variant)
    assert (config.steps, config.size, config.batch_size) == (3 * 500_000, 256, 1)
    assert (config.form, config.scales, config.content_depth) == (variant or "concat", 3, 3)
    assert config.mode_seeking_weight == 0
    with torch.device("meta"):
        groups = DRIT(config).groups()
    assert list(groups) == ["discriminators", "content_discriminator", "generators", "attribute_encoder"]
    for name, group in groups.items():
        is_of_contents = name == "content_discriminator"
        assert group.lr == pytest.approx(4e-5 if is_of_contents else 1e-4, rel=1e-12)
        assert group.clip_norm == (5.0 if is_of_contents else None)
        assert (group.betas, group.eps, group.weight_decay) == ((0.5, 0.999), 1e-8, 1e-4)
        steps = (0, 750_000, 750_003, 1_125_000, 1_499_997)
        assert [group.schedule(step) for step in steps] == pytest.approx([1, 1, 1 - 4e-6, 0.5, 4e-6], rel=1e-9)


@pytest.mark.parametrize(
    ("size", "scales", "depth"),
    [
        (16, 1, 0),
        (40, 2, 0),
        (44, 2, 1),
        (96, 3, 1),
        (100, 3, 2),
        (208, 3, 2),
        (212, 3, 3),
        (512, 3, 3),
        ("16x512", 1, 0),
    ],
)
def test_small_images_have_fewer_scales_and_stride_2_layers_which_the_config_says(
    size: int | str, scales: int, depth: int
) -> None:
    config = DRIT.make_config("smoke", None, {"size": size, "channels": 2, "discriminator_channels": 2, "steps": 3})
    stored = config.model_dump(mode="json")
    assert (stored["scales"], stored["content_depth"]) == (scales, depth)
    assert DRITConfig(**stored) == config
    with torch.device("meta"):
        method = DRIT(config)
        image = torch.zeros(1, 3, *config.image_shape)
        scores = method.discriminator_a(image)
        logits = method.content_discriminator(method.content_encoder(image, "a"))
    assert len(scores) == scales and all(score.numel() for score in (*scores, logits))
    strides = [layer.stride for layer in method.content_discriminator if isinstance(layer, nn.Conv2d)]
    assert strides == [(2, 2)] * depth + [(1, 1)] * 2


@pytest.mark.parametrize(("size", "logits"), [(216, 1), (256, 4)])
def test_the_content_discriminator_gives_as_many_logits_as_the_authors(size: int, logits: int) -> None:
    with torch.device("meta"):
        method = DRIT(DRIT.make_config("paper", None, {"size": size}))
        assert method.content_discriminator(torch.zeros(1, 256, size // 4, size // 4)).numel() == logits


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"content_depth": 2, "size": 96}, "content_depth: 2 was given; at size=96 it is at most 1."),
        ({"content_depth": 4, "size": 216}, "content_depth: 4 was given; at size=216 it is at most 3."),
        ({"scales": 3, "size": "32x64"}, "scales: 3 was given; at size=32x64 it is at most 2."),
        ({"content_depth": -1}, "content_depth: -1 was given; "),
        ({"form": "film"}, "form: 'film' was given; "),
        ({"size": 30}, "size: 30 was given; a size is a multiple of 4 and at least 16 px"),
        ({"size": 12}, "size: 12 was given; "),
        ({"blocks": 0}, "blocks: 0 was given; "),
        ({"mode_seeking_weight": -1}, "mode_seeking_weight: -1 was given; "),
        ({"content_clip_norm": 0}, "content_clip_norm: 0 was given; "),
    ],
)
def test_a_field_that_cannot_have_a_value_is_named_with_it(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        DRIT.make_config("smoke", None, fields)


@each_form
def test_convolutions_start_narrow_and_all_else_as_pytorch_makes_it(variant: str | None) -> None:
    method = tiny(variant, init="normal", channels=16, discriminator_channels=16)
    seen = dict.fromkeys((nn.Conv2d, nn.ConvTranspose2d, nn.Linear), 0)
    for name, layer in method.named_modules():
        if type(layer) in seen and layer.weight.numel() > 1000:
            deviation, fan_in = float(layer.weight.detach().std()), layer.weight[0].numel()
            expected = 1 / (3 * fan_in) ** 0.5 if isinstance(layer, nn.Linear) else 0.02
            assert deviation == pytest.approx(expected, rel=0.15), name
            assert layer.bias.any(), name
            seen[type(layer)] += 1
    assert seen[nn.Conv2d] > 20 and seen[nn.ConvTranspose2d] == 4 and (seen[nn.Linear] > 0) == (variant == "transform")
    assert tiny(init="default").generator.domains["a"].image[0].weight.std() > 0.05


def recorded_phases(method: DRIT, step: int) -> list[tuple[str, ...]]:
    phases, names = Phases(build_optimizers(method), method.period), []

    @contextmanager
    def watched(*groups: str) -> Iterator[dict[str, Tensor]]:
        names.append(groups)
        with phases(*groups) as loss:
            yield loss

    method.step(random_batch(method, step=step), watched)
    return names


def test_two_steps_train_the_content_discriminator_and_the_third_one_everything() -> None:
    method = tiny()
    assert method.period == 3
    alone = [("content_discriminator",)]
    everything = [("discriminators",), *alone, ("generators", "attribute_encoder"), ("generators",)]
    assert [recorded_phases(method, step) for step in range(7)] == [alone, alone, everything] * 2 + [alone]


def test_steps_of_the_content_discriminator_run_the_content_encoder_alone_and_keep_no_graph() -> None:
    method = tiny()
    called = []
    for name, network in method.named_children():
        network.register_forward_hook(lambda _module, _args, y, name=name: called.append((name, y)))
    method.step(random_batch(method, step=1), Phases(build_optimizers(method), method.period))
    assert [(name, y.requires_grad) for name, y in called] == [
        ("content_encoder", False),
        ("content_encoder", False),
        ("content_discriminator", True),
    ]


def test_the_discriminators_phases_hold_no_graph_of_the_translators() -> None:
    method = tiny()
    needed = []
    for name in ("discriminator_a", "random_discriminator_b", "content_discriminator"):
        getattr(method, name).register_forward_pre_hook(
            lambda _module, args, name=name: needed.append((name, args[0].requires_grad))
        )
    method.step(random_batch(method, step=FULL), Phases(build_optimizers(method), method.period))
    names = ("discriminator_a", "random_discriminator_b", "content_discriminator")
    assert needed[:3] == [(name, False) for name in names]
    assert sorted(needed[3:]) == sorted((name, True) for name in names)


def test_a_form_draws_what_it_needs() -> None:
    noise = {f"noise_{image}" for image in ("a", "b", "fake_a", "fake_b")}
    assert tiny("transform").draws().keys() == noise | {"style"}
    assert tiny().draws().keys() == noise | {"style"} | {name.replace("noise", "deviation") for name in noise}
    assert tiny(size="48x32").draws()["noise_a"].shape == (16, 8, 12)


@each_form
def test_a_translation_has_no_noise_and_takes_the_style_that_it_is_given(variant: str | None) -> None:
    method = tiny(variant).eval()
    x, style = random_batch(method).a, torch.randn(2, 8)
    assert method.style_dim == 8
    with torch.no_grad():
        for direction, source, target in (("A2B", "a", "b"), ("B2A", "b", "a")):
            expected = method.generator(method.content_encoder(x, source), style, target)
            assert method.translate(x, direction, style).equal(expected)
            assert not method.translate(x, direction, -style).equal(expected)
            assert method.encode_style(x, direction).equal(method.attribute_encoder(x, target)[0])


def test_only_the_form_concat_shares_a_block_of_the_generator() -> None:
    shared = {variant: [key for key in tiny(variant).state_dict() if ".shared." in key] for variant in VARIANTS}
    assert {key.split(".")[0] for key in shared[None]} == {"content_encoder", "generator"}
    assert {key.split(".")[0] for key in shared["transform"]} == {"content_encoder"}


@pytest.mark.parametrize(("variant", "multiplications"), [(None, 429.5), ("transform", 539.4)])
def test_a_step_at_256_px_costs_these_multiplications_in_the_mean_over_a_period(
    variant: str | None, multiplications: float
) -> None:
    config = DRIT.make_config("paper", variant)
    assert round(count("drit", config).flops_per_step / 2e9, 1) == multiplications
