"""CycleGAN: sizes of its networks, config, gradients of a step, and independent samples."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from baselines.cyclegan import CycleGAN, CycleGANConfig
from ugbench.errors import ConfigError, UnknownName, UsageError
from ugbench.method import Batch
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

NETWORKS = ("generator_a2b", "generator_b2a", "discriminator_a", "discriminator_b")


def tiny(**fields: Any) -> CycleGAN:
    overrides = {
        "size": 32,
        "channels": 4,
        "discriminator_channels": 4,
        "blocks": 1,
        "pool_size": 2,
        **fields,
    }
    return CycleGAN(CycleGAN.make_config("smoke", None, overrides))


def batch_of(n: int, size: int = 32) -> Batch:
    draws = {name: torch.rand(n, 2) for name in ("pool_a", "pool_b")}
    return Batch(torch.rand(n, 3, size, size) * 2 - 1, torch.rand(n, 3, size, size) * 2 - 1, draws)


def parameters_in(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_networks_have_as_many_parameters_as_the_papers():
    with torch.device("meta"):
        method = CycleGAN(CycleGAN.make_config())
    assert [parameters_in(getattr(method, name)) for name in NETWORKS] == [11378179] * 2 + [2764737] * 2
    assert method.pool_a.images.shape == (50, 3, 256, 256)


def test_the_paper_preset_trains_200_epochs_of_the_larger_domain_at_the_papers_rates():
    config = CycleGAN.make_config().resolved(1067, 1334)
    assert (config.steps, config.epochs, config.size, config.batch_size) == (200 * 1334, None, 256, 1)
    with torch.device("meta"):
        groups = CycleGAN(config).groups()
    assert list(groups) == ["generators", "discriminators"]
    for group in groups.values():
        assert (group.lr, group.betas, group.eps, group.weight_decay) == (2e-4, (0.5, 0.999), 1e-8, 0.0)
        factors = [group.schedule(1334 * epoch) for epoch in (0, 100, 150, 200)]
        assert factors == pytest.approx([1, 1, 0.5, 0])


@pytest.mark.parametrize(("size", "blocks"), [(256, 9), (512, 9), (252, 6), (128, 6)])
def test_the_blocks_follow_the_size_and_are_written_into_the_config(size, blocks):
    assert CycleGAN.make_config("paper", None, {"size": size}).model_dump()["blocks"] == blocks


def test_given_blocks_stay_and_come_back_from_a_stored_config():
    config = CycleGAN.make_config("paper", None, {"blocks": "3", "steps": 10})
    assert config.blocks == 3
    assert CycleGANConfig(**config.model_dump()) == config


@pytest.mark.parametrize("size", [32, 64, 128])
def test_smoke_trains_at_small_sizes_with_few_channels(size):
    config = CycleGAN.make_config("smoke", None, {"size": size})
    assert max(config.channels, config.discriminator_channels) <= 16
    assert config.blocks == 2
    with FakeTensorMode():
        method = CycleGAN(config)
        method.step(batch_of(1, size), Phases(build_optimizers(method)))


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", 30), ("size", 20), ("blocks", 0), ("lr", 0), ("cycle_weight", -1), ("beta1", 1)],
)
def test_a_field_that_cannot_have_a_value_is_named_with_it(field, value):
    with pytest.raises(ConfigError, match=re.escape(f"{field}: {value!r} was given; ")):
        CycleGAN.make_config("smoke", None, {field: value})


def test_an_unknown_field_is_met_with_a_near_one():
    with pytest.raises(UnknownName, match="did you mean 'cycle_weight'"):
        CycleGAN.make_config("smoke", None, {"cycle_wieght": 1})


def test_weights_start_from_a_narrow_normal_and_biases_from_zero():
    torch.manual_seed(0)
    method = tiny(channels=16, discriminator_channels=16, init="normal")
    for name, parameter in method.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif parameter.numel() > 1000:
            assert abs(parameter.std() - 0.02) < 0.002, name
            assert abs(parameter.mean()) < 0.002, name


def test_the_smoke_preset_starts_as_pytorchs_layers_do():
    torch.manual_seed(0)
    weight = tiny(channels=16).generator_a2b[1].weight
    # Kaiming's uniform as nn.Conv2d draws it: within 1 / sqrt(fan in), of 7 x 7 x 3.
    bound = 147**-0.5
    assert 0.9 * bound < weight.abs().max() <= bound
    assert abs(weight.std() - bound / 3**0.5) < 0.1 * bound


def test_each_phase_moves_its_own_networks_and_no_other():
    method = tiny()
    moved: dict[str, set[str]] = {}

    class Watched(Phases):
        def _update(self, optimizers, name, terms):
            before = {key: value.clone() for key, value in method.named_parameters()}
            super()._update(optimizers, name, terms)
            moved[name] = {key.split(".")[0] for key, p in method.named_parameters() if not p.equal(before[key])}

    phases = Watched(build_optimizers(method))
    method.step(batch_of(2), phases)
    assert moved == {"generators": set(NETWORKS[:2]), "discriminators": set(NETWORKS[2:])}
    assert list(phases.losses) == [
        *(f"generators/{kind}_{domain}" for kind in ("identity", "cycle", "adversarial") for domain in "ab"),
        *(f"discriminators/{kind}_{domain}" for domain in "ab" for kind in ("real", "fake")),
    ]


@pytest.mark.parametrize(
    ("term", "reached"),
    [
        ("identity_a", {"generator_b2a"}),
        ("identity_b", {"generator_a2b"}),
        ("cycle_a", {"generator_a2b", "generator_b2a"}),
        ("cycle_b", {"generator_a2b", "generator_b2a"}),
        ("adversarial_a", {"generator_b2a"}),
        ("adversarial_b", {"generator_a2b"}),
        ("real_a", {"discriminator_a"}),
        ("fake_a", {"discriminator_a"}),
        ("real_b", {"discriminator_b"}),
        ("fake_b", {"discriminator_b"}),
    ],
)
def test_a_loss_reaches_the_networks_that_it_should(term, reached):
    method = tiny()
    networks_of: dict[str, set[str]] = {}

    class Watched(Phases):
        def _update(self, optimizers, name, terms):
            if term in terms:
                names, parameters = zip(*method.named_parameters(), strict=True)
                learning = [p for p in parameters if p.requires_grad]
                grads = torch.autograd.grad(terms[term], learning, allow_unused=True, retain_graph=True)
                by_parameter = dict(zip(learning, grads, strict=True))
                hit = [
                    key for key, p in zip(names, parameters, strict=True)
                    if (grad := by_parameter.get(p)) is not None and grad.any()
                ]  # fmt: skip
                networks_of[term] = {key.split(".")[0] for key in hit}
            super()._update(optimizers, name, terms)

    method.step(batch_of(2), Watched(build_optimizers(method)))
    assert networks_of == {term: reached}


def test_without_identity_weight_the_other_losses_are_the_same_and_identity_is_not_computed():
    losses = []
    for weight in (5.0, 0.0):
        torch.manual_seed(0)
        method = tiny(identity_weight=weight).double()
        phases = Phases(build_optimizers(method))
        batch = batch_of(2)
        method.step(Batch(batch.a.double(), batch.b.double(), batch.draws), phases)
        losses.append({k: v for k, v in phases.losses.items() if k.startswith("generators/")})
    with_identity, without = losses
    assert set(with_identity) - set(without) == {"generators/identity_a", "generators/identity_b"}
    for name, value in without.items():
        torch.testing.assert_close(value, with_identity[name])


def test_discriminators_are_shown_the_pooled_fakes_and_the_pools_keep_them():
    method = tiny(pool_size=2)
    phases = Phases(build_optimizers(method))
    first = batch_of(2)
    fakes = method.generator_a2b(first.a).detach()
    method.step(first, phases)
    torch.testing.assert_close(method.pool_b.images, fakes)
    # Every coin shows an old fake now: the loss on fakes is that of the two kept from the first step.
    seen: list[Tensor] = []
    method.discriminator_b.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    always = {
        "pool_a": torch.tensor([[0.9, 0.9], [0.9, 0.1]]),
        "pool_b": torch.tensor([[0.9, 0.9], [0.9, 0.1]]),
    }
    second = batch_of(2)
    method.step(Batch(second.a, second.b, always), phases)
    torch.testing.assert_close(seen[-1], torch.cat((second.b, fakes[1:], fakes[:1])))


def test_under_bfloat16_losses_are_summed_in_float32_and_pools_keep_float32():
    method = tiny()
    run_networks_in(method, "bf16", torch.device("cpu"))
    phases = Phases(build_optimizers(method))
    method.step(batch_of(2), phases)
    assert {loss.dtype for loss in phases.losses.values()} == {torch.float32}
    assert method.pool_a.images.dtype == torch.float32
    assert int(method.pool_a.filled) == 2


def test_groups_need_the_number_of_steps():
    with torch.device("meta"):
        method = CycleGAN(CycleGAN.make_config())
    with pytest.raises(ConfigError, match="steps is not set"):
        method.groups()


def test_a_step_needs_no_value_on_the_host():
    with FakeTensorMode():
        method = tiny()
        phases = Phases(build_optimizers(method))
        method.step(batch_of(3), phases)
    assert len(phases.losses) == 10


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_an_output_does_not_depend_on_its_neighbours(direction):
    method = tiny().double().eval()
    images = batch_of(3).a.double()
    with torch.no_grad():
        together = method.translate(images, direction)
        separately = torch.cat([method.translate(image[None], direction) for image in images])
    torch.testing.assert_close(together, separately, rtol=0, atol=1e-12)


def test_a_discriminators_logits_do_not_depend_on_what_they_are_batched_with():
    method = tiny().double()
    batch = batch_of(3)
    real, fake = batch.a.double(), batch.b.double()
    together = method.discriminator_a(torch.cat((real, fake)))
    separately = torch.cat((method.discriminator_a(real), method.discriminator_a(fake)))
    torch.testing.assert_close(together, separately, rtol=0, atol=1e-12)


def test_the_two_directions_use_the_two_generators():
    method = tiny().eval()
    x = batch_of(1).a
    assert method.translate(x, "A2B").equal(method.generator_a2b(x))
    assert method.translate(x, "B2A").equal(method.generator_b2a(x))


def test_the_receptive_field_of_a_logit_is_70_px():
    network = CycleGAN(CycleGAN.make_config("smoke", None, {"discriminator_channels": 2})).discriminator_a
    plain = torch.nn.Sequential(*(layer for layer in network if not isinstance(layer, torch.nn.InstanceNorm2d)))
    x = torch.rand(1, 3, 128, 128, requires_grad=True)
    plain(x)[0, 0, 7, 7].backward()
    seen = x.grad.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [70, 70]


def public_networks(**fields: Any) -> tuple[CycleGAN, dict[str, dict[str, Tensor]]]:
    """A method, and its weights as the authors' code would write them."""
    method = tiny(**fields)
    public = {}
    for name, network in {"G_A": NETWORKS[0], "G_B": NETWORKS[1], "D_A": NETWORKS[3], "D_B": NETWORKS[2]}.items():
        state = getattr(method, network).state_dict()
        public[name] = {f"model.{key.replace('layers', 'conv_block')}": value for key, value in state.items()}
    return method, public


@pytest.mark.parametrize("spelling", ["{}", "latest_net_{}.pth", "200_net_{}"])
def test_published_networks_are_read_completely(spelling):
    method, public = public_networks(channels=8, blocks=3)
    config, state = CycleGAN.load_public_checkpoint({spelling.format(name): value for name, value in public.items()})
    assert (config.channels, config.discriminator_channels, config.blocks, config.size) == (8, 4, 3, 256)
    expected = {key: value for key, value in method.state_dict().items() if not key.startswith("pool")}
    assert state.keys() == expected.keys()
    assert all(state[key].equal(value) for key, value in expected.items())


def test_old_spellings_of_published_keys_are_understood():
    """Statistics that instance norm never used, data parallel's prefix, and blocks with dropout between."""
    _, public = public_networks()
    plain = CycleGAN.load_public_checkpoint(public)[1]
    old = {}
    for name, state in public.items():
        old[name] = {f"module.{key}".replace("conv_block.5", "conv_block.6"): v for key, v in state.items()}
        old[name]["module.model.2.running_mean"] = torch.zeros(4)
        old[name]["module.model.10.conv_block.2.running_var"] = torch.zeros(4)
    state = CycleGAN.load_public_checkpoint(old)[1]
    assert state.keys() == plain.keys()
    assert all(state[key].equal(value) for key, value in plain.items())


def test_generators_alone_are_enough():
    _, public = public_networks()
    _, state = CycleGAN.load_public_checkpoint({name: public[name] for name in ("G_A", "G_B")})
    assert {key.split(".")[0] for key in state} == {"generator_a2b", "generator_b2a"}


def test_of_several_epochs_the_revision_picks_one():
    _, public = public_networks()
    zeros = {name: {key: torch.zeros_like(v) for key, v in public[name].items()} for name in ("G_A", "G_B")}
    both = {f"latest_net_{name}": public[name] for name in zeros} | {f"5_net_{k}": v for k, v in zeros.items()}
    with pytest.raises(UsageError, match="epochs 5, latest were found"):
        CycleGAN.load_public_checkpoint(both)
    assert not any(value.any() for value in CycleGAN.load_public_checkpoint(both, "5")[1].values())
    with pytest.raises(
        UsageError, match=r"expected .*latest_net_G_A\.pth and latest_net_G_B\.pth by their names of epoch 7"
    ):
        CycleGAN.load_public_checkpoint(both, "7")


def test_what_is_not_a_pair_of_these_networks_is_refused_with_what_was_expected():
    _, public = public_networks()
    with pytest.raises(UsageError, match=r"G_A was found; expected .*latest_net_G_B\.pth"):
        CycleGAN.load_public_checkpoint({"G_A": public["G_A"]})
    unet = {"model.model.0.weight": torch.zeros(4, 3, 4, 4)}
    with pytest.raises(UsageError, match=r"the key model\.model\.0\.weight is unknown"):
        CycleGAN.load_public_checkpoint({"G_A": unet, "G_B": unet})
    missing = {key: value for key, value in public["G_B"].items() if key != "model.4.bias"}
    with pytest.raises(UsageError, match=r"generator_b2a\.4\.bias is nothing, expected \(8,\)"):
        CycleGAN.load_public_checkpoint({**public, "G_B": missing})
    wide = {**public["G_B"], "model.4.bias": torch.zeros(9)}
    with pytest.raises(UsageError, match=r"generator_b2a\.4\.bias is \(9,\), expected \(8,\)"):
        CycleGAN.load_public_checkpoint({**public, "G_B": wide})
