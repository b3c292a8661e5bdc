"""U-GAT-IT as a method: options, variants, groups, gradients, attention, scalars, steps under special conditions."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ugatit.method import UGATIT
from ugatit.normalization import AdaLIN
from ugbench.method import Batch, ConfigError, UnknownName
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

DIFFERENCES = {
    "in": {"rho": 1.0, "style": False},
    "ln": {"rho": 0.0, "style": False},
    "gn": {"norm": "group", "rho": 0.0, "style": False},
    "bin": {"norm": "batch", "rho_start": 0.0, "style": False},
    "adain": {"rho": 1.0},
    "rho05": {"rho": 0.5},
    "rho0": {"rho": 0.0},
    "rho-from-0": {"rho_start": 0.0, "rho_lr_factor": 100.0, "rho_decay": False},
    "rho-from-05": {"rho_start": 0.5, "rho_start_up": 0.5, "rho_lr_factor": 100.0, "rho_decay": False},
    "rho-from-1": {"rho_start_up": 1.0, "rho_lr_factor": 100.0, "rho_decay": False},
    "no-cam": {"generator_cam": False, "discriminator_cam": False},
    "no-gcam": {"generator_cam": False},
    "no-dcam": {"discriminator_cam": False},
    "no-global": {"global_discriminator": False, "global_depth": None},
    "no-local": {"local_discriminator": False, "local_depth": None},
}


def test_every_variant_changes_these_fields_and_no_others():
    assert UGATIT.VARIANTS.keys() == DIFFERENCES.keys()
    base = UGATIT.make_config("smoke").model_dump()
    for variant, expected in DIFFERENCES.items():
        config = UGATIT.make_config("smoke", variant).model_dump()
        assert {k: v for k, v in config.items() if v != base[k]} == expected, variant


def test_the_papers_preset_has_the_papers_numbers():
    config = UGATIT.make_config("paper")
    assert (config.size, config.batch_size, config.steps, config.channels, config.blocks) == (
        256,
        1,
        1_000_000,
        64,
        4,
    )
    weights = (config.adversarial_weight, config.cycle_weight, config.identity_weight, config.cam_weight)
    assert weights == (1, 10, 10, 1000)
    assert (config.lr, config.weight_decay, config.light) == (1e-4, 1e-4, False)
    assert (config.global_depth, config.local_depth) == (5, 3)


@pytest.mark.parametrize(("size", "depths"), [(256, (5, 3)), (96, (5, 3)), (64, (4, 3)), (32, (3, 3)), (16, (2, 2))])
def test_small_sizes_drop_halvings_and_the_config_says_so(size, depths):
    config = UGATIT.make_config("paper", None, {"size": str(size)})
    assert (config.global_depth, config.local_depth) == depths
    assert UGATIT.Config(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("variant", "options", "message"),
    [
        ("bin", {"batch_size": 1}, "norm: 'batch' .* batch_size above 1"),
        (None, {"size": 98}, "size: 98 .* multiple of 4"),
        (None, {"size": 4}, "size: 4 .* at least 8"),
        (None, {"size": 64, "global_depth": 5}, "global_depth: 5 .* 64 px allow at most 4"),
        ("no-global", {"local_discriminator": False}, "local_discriminator: .* without any discriminator"),
        (None, {"rho": 1.5}, "rho: 1.5"),
        (None, {"norm": "adalin"}, "norm: 'adalin'"),
    ],
)
def test_options_that_cannot_be_are_refused(variant, options, message):
    with pytest.raises(ConfigError, match=message):
        UGATIT.make_config("paper", variant, options)


def test_an_option_that_does_not_exist_is_refused_with_a_near_one():
    with pytest.raises(UnknownName, match="did you mean 'cam_weight'"):
        UGATIT.make_config("paper", None, {"cam_wieght": 1})


def test_groups_need_a_number_of_steps(tiny):
    method = tiny(light=True)
    method.config = method.config.model_copy(update={"steps": None})
    with pytest.raises(ConfigError, match="--steps"):
        method.groups()


def settings(method: UGATIT) -> dict[str, tuple[float, float, set[str]]]:
    """Learning rate, weight decay, and the last parts of the parameters' names, by group."""
    names = {parameter: name.split(".")[-1] for name, parameter in method.named_parameters()}
    return {
        name: (group.lr, group.weight_decay, {names[p] for p in group.parameters})
        for name, group in method.groups().items()
    }


def test_by_default_there_are_two_groups_that_decay_everything(tiny):
    assert settings(tiny()) == {
        "generators": (1e-3, 1e-4, {"weight", "bias", "rho", "gamma", "beta"}),
        "discriminators": (1e-3, 1e-4, {"weight", "bias"}),
    }
    for group in tiny().groups().values():
        assert group.betas == (0.5, 0.999)
        assert [group.schedule(step) for step in (0, 4, 6, 8)] == [1, 1, 0.5, 0]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"decay_scope": "kernels"},
            {
                "generators": (1e-3, 1e-4, {"weight"}),
                "generators_undecayed": (1e-3, 0.0, {"bias", "rho", "gamma", "beta"}),
                "discriminators": (1e-3, 1e-4, {"weight"}),
                "discriminators_undecayed": (1e-3, 0.0, {"bias"}),
            },
        ),
        (
            {"rho_lr_factor": 10.0},
            {
                "generators": (1e-3, 1e-4, {"weight", "bias", "gamma", "beta"}),
                "rho": (1e-2, 1e-4, {"rho"}),
                "discriminators": (1e-3, 1e-4, {"weight", "bias"}),
            },
        ),
        (
            {"rho_decay": False},
            {
                "generators": (1e-3, 1e-4, {"weight", "bias", "gamma", "beta"}),
                "rho": (1e-3, 0.0, {"rho"}),
                "discriminators": (1e-3, 1e-4, {"weight", "bias"}),
            },
        ),
    ],
    ids=["kernels", "rho rate", "rho undecayed"],
)
def test_options_give_vectors_and_rho_groups_of_their_own(tiny, options, expected):
    assert settings(tiny(**options)) == expected


class Watched:
    """A phase that computes gradients and updates nothing: what each phase's losses reach."""

    def __init__(self, method: UGATIT) -> None:
        self.method = method
        self.terms: dict[str, dict[str, torch.Tensor]] = {}
        self.reached: dict[str, set[str]] = {}

    def __call__(self, *groups: str):
        from contextlib import contextmanager

        @contextmanager
        def phase():
            terms: dict[str, torch.Tensor] = {}
            yield terms
            named = dict(self.method.named_parameters())
            gradients = torch.autograd.grad(
                sum(terms.values()), list(named.values()), retain_graph=True, allow_unused=True
            )
            self.terms[groups[0]] = terms
            self.reached[groups[0]] = {name for name, g in zip(named, gradients, strict=True) if g is not None}

        return phase()


@pytest.mark.parametrize("variant", [None, *UGATIT.VARIANTS])
def test_discriminators_losses_reach_them_alone_and_every_parameter_learns(tiny, images, variant):
    method = tiny(variant, light=True)
    watched = Watched(method)
    method.step(Batch(*images()), watched)
    names = {name for name, _ in method.named_parameters()}
    discriminators = {name for name in names if name.startswith(("global", "local"))}
    assert watched.reached["discriminators"] == discriminators
    assert watched.reached["generators"] >= names - discriminators


def test_the_terms_of_each_phase_have_the_documented_names(tiny, images):
    watched = Watched(tiny(light=True))
    watched.method.step(Batch(*images()), watched)
    adversarial = {f"{kind}{cam}_{domain}" for kind in ("global", "local") for cam in ("", "_cam") for domain in "ab"}
    assert set(watched.terms["discriminators"]) == adversarial
    assert set(watched.terms["generators"]) == adversarial | {
        "cycle_a",
        "cycle_b",
        "identity_a",
        "identity_b",
        "cam_a2b",
        "cam_b2a",
    }


@pytest.mark.parametrize(
    ("variant", "lost"),
    [
        ("no-cam", {"discriminators/global_cam_a", "generators/global_cam_a", "generators/cam_a2b"}),
        ("no-gcam", {"generators/cam_a2b"}),
        ("no-dcam", {"discriminators/global_cam_a", "generators/global_cam_a"}),
        ("no-global", {"discriminators/global_a", "generators/global_a", "generators/global_cam_a"}),
        ("no-local", {"discriminators/local_a", "generators/local_a", "generators/local_cam_a"}),
    ],
)
def test_a_network_that_is_left_out_has_no_loss(tiny, engine, images, variant, lost):
    base, without = (engine(tiny(which, light=True)).step(*images(), 0) for which in (None, variant))
    assert lost <= set(base) - set(without)
    assert set(without) < set(base)


@pytest.mark.parametrize(
    ("variant", "maps"),
    [
        (None, {"generator": 8, "global": 3, "local": 3}),
        ("no-gcam", {"global": 3, "local": 3}),
        ("no-dcam", {"generator": 8}),
        ("no-cam", {}),
        ("no-global", {"generator": 8, "local": 3}),
        ("no-local", {"generator": 8, "global": 3}),
    ],
)
def test_attention_has_a_map_for_each_classifier_the_generators_first(tiny, images, variant, maps):
    method = tiny(variant, light=True).eval()
    with torch.no_grad():
        attention_maps = method.attention(images(n=3)[0], "A2B")
    assert {name: tuple(attention_map.shape) for name, attention_map in attention_maps.items()} == {
        name: (3, 1, side, side) for name, side in maps.items()
    }
    assert list(attention_maps) == list(maps)


@pytest.mark.parametrize("variant", [None, "no-gcam", "no-dcam", "no-cam"])
def test_feature_maps_are_of_every_network_with_or_without_a_classifier(tiny, images, variant):
    method = tiny(variant, light=True).eval()
    with torch.no_grad():
        attention_maps = method.feature_maps(images(n=3)[0], "A2B")
    assert {name: tuple(attention_map.shape) for name, attention_map in attention_maps.items()} == {
        "generator": (3, 1, 8, 8),
        "global": (3, 1, 3, 3),
        "local": (3, 1, 3, 3),
    }
    assert next(iter(attention_maps)) == "generator"
    assert set(attention_maps) - set(method.output_maps) == {"generator"}


def test_discriminators_maps_are_of_the_translation_in_its_target_domain(tiny, images):
    method = tiny(light=True).eval()
    a, b = images()
    with torch.no_grad():
        for direction, x, discriminator in (("A2B", a, method.local_b), ("B2A", b, method.local_a)):
            expected = discriminator(method.translate(x, direction)).attention_map
            assert torch.equal(method.attention(x, direction)["local"], expected)


def test_scalars_are_the_mean_of_each_rho_that_is_learnt(tiny):
    method = tiny(light=True)
    scalars = method.scalars()
    assert len(scalars) == 2 * (2 * method.config.blocks + 2)
    expected = method.generator_b2a.decoder[1].norm2.rho.detach().mean()
    assert scalars["rho/generator_b2a.decoder.1.norm2"] == expected
    assert "rho/generator_a2b.up1.norm" in scalars
    assert tiny("rho05", light=True).scalars() == {}


def test_rho_starts_at_one_in_blocks_and_at_zero_in_upsampling_layers():
    method = UGATIT(UGATIT.make_config("smoke"))
    starts = {name.split("/")[1]: float(value) for name, value in method.scalars().items()}
    assert {value for name, value in starts.items() if ".decoder." in name} == {1.0}
    assert {value for name, value in starts.items() if ".up" in name} == {0.0}


def test_rho_stays_within_its_bounds_and_leaves_them_again(tiny, engine, images):
    method = tiny(light=True, lr=0.3, steps=100)
    trained = engine(method)
    norms = [module for module in method.modules() if isinstance(module, AdaLIN)]
    at_bounds = []
    for step in range(4):
        trained.step(*images(step), step)
        rho = torch.cat([norm.rho.detach() for norm in norms])
        assert rho.min() >= 0
        assert rho.max() <= 1
        at_bounds.append((rho == 0) | (rho == 1))
    assert at_bounds[0].any()
    assert (at_bounds[0] & ~at_bounds[-1]).any()


def test_initial_weights_are_normal_and_biases_zero_unless_pytorchs_own_are_asked_for():
    torch.manual_seed(0)
    ours = UGATIT(UGATIT.make_config("smoke", None, {"init": "normal"}))
    default = UGATIT(UGATIT.make_config("smoke", None, {"init": "default"}))
    for network in ("generator_a2b", "global_b"):
        bias = ours.get_submodule(network).attention.mix.bias
        assert not bias.any()
        assert default.get_submodule(network).attention.mix.bias.any()
    weight = ours.generator_a2b.encoder[0].conv1.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert default.generator_a2b.encoder[0].conv1.weight.std().item() > 0.02


@pytest.mark.parametrize("variant", [None, "bin", "gn"])
def test_a_step_syncs_with_no_host(variant):
    with FakeTensorMode():
        method = UGATIT(UGATIT.make_config("smoke", variant, {"size": 32, "channels": 4, "blocks": 1}))
        images = torch.zeros(2, 4, 3, 32, 32)
        watched = Watched(method)
        method.step(Batch(*images), watched)
        assert watched.reached["generators"]
        assert all(scalar.shape == () for scalar in method.scalars().values())


@pytest.mark.parametrize("light", [True, False])
def test_in_bfloat16_a_step_comes_near_and_its_losses_are_float32(tiny, images, light):
    method = tiny(light=light, init="normal", blocks=1).float()
    terms = {}
    for half in (False, True):
        watched = Watched(method)
        state = {name: tensor.clone() for name, tensor in method.state_dict().items()}
        if half:
            run_networks_in(method, "bf16", torch.device("cpu"))
        method.step(Batch(*(x.float() for x in images())), watched)
        method.load_state_dict(state)
        terms[half] = {**watched.terms["discriminators"], **watched.terms["generators"]}
    for name, value in terms[True].items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(terms[False][name].item(), rel=0.1, abs=0.02), name


@pytest.mark.parametrize("preset_size", [32, 64, 128])
@pytest.mark.parametrize("light", [True, False])
def test_the_smoke_preset_takes_its_sizes_light_and_full(preset_size, light):
    overrides = {
        "size": preset_size,
        "light": light,
        "batch_size": 1,
        "channels": 2,
        "discriminator_channels": 1,
    }
    method = UGATIT(UGATIT.make_config("smoke", None, overrides))
    a, b = torch.rand(2, 1, 3, preset_size, preset_size) * 2 - 1
    phases = Phases(build_optimizers(method))
    method.step(Batch(a, b), phases)
    assert all(value.isfinite() for value in phases.losses.values())
    assert set(method.inference()) == {"generator_a2b", "generator_b2a"}


def test_the_smoke_preset_is_small():
    config = UGATIT.make_config("smoke")
    assert max(config.channels, config.discriminator_channels) <= 16
    assert config.steps <= 500
    assert config.batch_size > 1  # so that it goes with `bin`
