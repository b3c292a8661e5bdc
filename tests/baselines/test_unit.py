"""UNIT: sizes of its networks, config, losses that were computed by hand, and gradients of a step."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from baselines.unit import UNIT, UNITConfig
from ugbench.errors import ConfigError
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

CODERS = ("encoder_a", "decoder_a", "encoder_b", "decoder_b")
JUDGES = ("discriminator_a", "discriminator_b")
pytestmark = pytest.mark.usefixtures("deterministic")


def tiny(**fields: Any) -> UNIT:
    overrides = {"size": 32, "channels": 4, "discriminator_channels": 4, "blocks": 1, "steps": 10, **fields}
    return UNIT(UNIT.make_config("smoke", None, overrides))


def batch_for(method: UNIT, n: int = 2, dtype: torch.dtype = torch.float32) -> Batch:
    size = method.config.size
    a, b = (torch.rand(n, 3, size, size, dtype=dtype) * 2 - 1 for _ in "ab")
    draws = {name: torch.randn(n, *draw.shape, dtype=dtype) for name, draw in method.draws().items()}
    return Batch(a, b, draws)


def stepped(method: UNIT, batch: Batch) -> dict[str, float]:
    phases = Phases(build_optimizers(method))
    method.step(batch, phases)
    return {term: float(value) for term, value in phases.losses.items()}


def test_the_networks_have_as_many_parameters_as_the_authors():
    with torch.device("meta"):
        method = UNIT(UNIT.make_config())
    parameters = {name: sum(p.numel() for p in network.parameters()) for name, network in method.named_children()}
    assert parameters == {
        **dict.fromkeys(("encoder_a", "encoder_b"), 5_385_856),
        **dict.fromkeys(("decoder_a", "decoder_b"), 5_754_627),
        **dict.fromkeys(JUDGES, 8_271_171),
    }
    assert sum(parameters.values()) == 38_823_308


def test_a_translation_at_256_px_costs_the_authors_multiplications():
    with torch.device("meta"):
        method = UNIT(UNIT.make_config()).eval().requires_grad_(False)
        image = torch.zeros(1, 3, 256, 256)
    gigaflops = {}
    calls = {
        "translation": lambda: method.translate(image, "A2B"),
        "encoder": lambda: method.encoder_a(image),
        "discriminator": lambda: method.discriminator_b(image),
    }
    for name, call in calls.items():
        with FlopCounterMode(display=False) as counter:
            call()
        gigaflops[name] = round(counter.get_total_flops() / 2e9, 2)
    assert gigaflops == {"translation": 71.03, "encoder": 24.24, "discriminator": 2.18}


def test_a_step_at_256_px_multiplies_less_than_the_authors_for_the_same_result():
    with FakeTensorMode():
        method = UNIT(UNIT.make_config())
        phases = Phases(build_optimizers(method))
        with FlopCounterMode(display=False) as counter:
            method.step(batch_for(method, 1), phases)
    # Theirs takes 1,312.9 G; 48.5 G of the difference is a second encoding of a and b.
    assert round(counter.get_total_flops() / 2e9, 1) == 1260.0


def test_the_paper_preset_trains_a_million_steps_at_a_rate_that_halves_every_hundred_thousand():
    config = UNIT.make_config()
    assert (config.steps, config.size, config.batch_size, config.scales) == (1_000_000, 256, 1, 3)
    with torch.device("meta"):
        groups = UNIT(config).groups()
    assert list(groups) == ["discriminators", "generators"]
    for group in groups.values():
        assert (group.lr, group.betas, group.eps, group.weight_decay) == (1e-4, (0.5, 0.999), 1e-8, 1e-4)
        steps = (0, 99_999, 100_000, 199_999, 200_000, 999_999)
        assert [group.schedule(step) for step in steps] == [1, 1, 0.5, 0.5, 0.25, 2**-9]


def test_the_rate_is_halved_at_the_same_steps_however_long_the_run_is():
    short = tiny(steps=10).groups()["generators"].schedule
    long = tiny(steps=10_000_000).groups()["generators"].schedule
    assert [short(step) for step in (0, 9, 100_000)] == [long(step) for step in (0, 9, 100_000)] == [1, 1, 0.5]


@pytest.mark.parametrize(("size", "scales"), [(16, 1), (28, 1), (32, 2), (60, 2), (64, 3), (512, 3)])
def test_the_scales_follow_the_size_and_are_written_into_the_config(size, scales):
    config = UNIT.make_config("smoke", None, {"size": size})
    assert config.model_dump()["scales"] == scales
    method = tiny(size=size)
    assert all(score.numel() for score in method.discriminator_a(batch_for(method).a))


def test_given_scales_stay_and_come_back_from_a_stored_config():
    config = UNIT.make_config("paper", None, {"scales": "4"})
    assert config.scales == 4
    assert UNITConfig(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"scales": 3, "size": 32}, "scales: 3 was given; at size=32 it is at most 2."),
        ({"size": 30}, "size: 30 was given; "),
        ({"size": 12}, "size: 12 was given; "),
        ({"blocks": 0}, "blocks: 0 was given; "),
        ({"kl_weight": -1}, "kl_weight: -1 was given; "),
        ({"halve_every": 0}, "halve_every: 0 was given; "),
    ],
)
def test_a_field_that_cannot_have_a_value_is_named_with_it(fields, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        UNIT.make_config("smoke", None, fields)


def test_weights_start_as_wide_as_their_inputs_ask_and_discriminators_narrow():
    method = tiny(channels=16, discriminator_channels=16, blocks=2)
    seen = 0
    for name, layer in method.named_modules():
        if isinstance(layer, nn.Conv2d):
            assert not layer.bias.any(), name
            if layer.weight.numel() > 1000:
                expected = 0.02 if name.startswith("discriminator") else (2 / layer.weight[0].numel()) ** 0.5
                assert float(layer.weight.detach().std()) == pytest.approx(expected, rel=0.1), name
                seen += 1
    assert seen > 20


def constant_networks(method: UNIT) -> None:
    """Encoders that give a code of 2, decoders 0.5, discriminators 3, whatever they see."""
    for parameter in method.parameters():
        nn.init.zeros_(parameter)
    for name in CODERS:
        network = getattr(method, name)
        if name.startswith("encoder"):
            network[-1].layers.append(Plus(2.0))
        else:
            nn.init.constant_(network[-2].bias, torch.tensor(0.5).atanh().item())
    for name in JUDGES:
        for network in getattr(method, name).scales:
            nn.init.constant_(network[-1].bias, 3.0)


class Plus(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.value


def test_losses_of_constant_networks_are_those_worked_out_by_hand():
    method = tiny(size=64, blocks=1, lr=1e-12, weight_decay=0)
    constant_networks(method)
    batch = batch_for(method)
    batch = Batch(torch.full_like(batch.a, -0.25), torch.full_like(batch.b, 1.0), batch.draws)
    losses = stepped(method, batch)
    expected = {
        # Three scales of (3 - 1)^2 and 3^2.
        **{f"discriminators/real_{x}": 12.0 for x in "ab"},
        **{f"discriminators/fake_{x}": 27.0 for x in "ab"},
        **{f"generators/adversarial_{x}": 12.0 for x in "ab"},
        # 10 |0.5 + 0.25| and 10 |0.5 - 1|.
        "generators/reconstruction_a": 7.5,
        "generators/cycle_a": 7.5,
        "generators/reconstruction_b": 5.0,
        "generators/cycle_b": 5.0,
        # 0.01 * 2^2: before the noise.
        **{f"generators/{kind}_{x}": 0.04 for kind in ("kl", "cycle_kl") for x in "ab"},
    }
    assert losses == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["reconstruction", "kl", "cycle", "cycle_kl"])
def test_a_weight_scales_its_own_losses_and_no_other(kind):
    losses = []
    for factor in (1, 3):
        torch.manual_seed(0)
        method = tiny()
        weight = f"{kind}_weight"
        method.config = method.config.model_copy(update={weight: factor * getattr(method.config, weight)})
        losses.append(stepped(method, batch_for(method)))
    ratios = {term: losses[1][term] / losses[0][term] for term in losses[0]}
    changed = {f"generators/{kind}_{x}" for x in "ab"}
    assert ratios == pytest.approx({term: 3 if term in changed else 1 for term in ratios}, rel=1e-5)


@pytest.mark.parametrize(
    ("term", "reached"),
    [
        *((f"{kind}_{x}", {f"discriminator_{x}"}) for kind in ("real", "fake") for x in "ab"),
        *((f"reconstruction_{x}", {f"encoder_{x}", f"decoder_{x}"}) for x in "ab"),
        *((f"kl_{x}", {f"encoder_{x}"}) for x in "ab"),
        *((f"cycle_{x}", set(CODERS)) for x in "ab"),
        ("cycle_kl_a", {"encoder_a", "decoder_b", "encoder_b"}),
        ("cycle_kl_b", {"encoder_b", "decoder_a", "encoder_a"}),
        ("adversarial_a", {"encoder_b", "decoder_a"}),
        ("adversarial_b", {"encoder_a", "decoder_b"}),
    ],
)
def test_a_loss_reaches_the_networks_that_it_should(term, reached):
    method = tiny()
    networks_of: dict[str, set[str]] = {}

    class Watched(Phases):
        def _update(self, optimizers, name, terms):
            if term in terms:
                learning = {key: p for key, p in method.named_parameters() if p.requires_grad}
                parts = torch.autograd.grad(terms[term], list(learning.values()), allow_unused=True, retain_graph=True)
                networks_of[term] = {
                    key.split(".")[0]
                    for key, part in zip(learning, parts, strict=True)
                    if part is not None and part.any()
                }
            super()._update(optimizers, name, terms)

    method.step(batch_for(method), Watched(build_optimizers(method)))
    assert networks_of == {term: reached}


REACHES = {
    "noise_discriminators_a": {"discriminators/fake_b"},
    "noise_discriminators_b": {"discriminators/fake_a"},
    "noise_a": {f"generators/{term}" for term in ("reconstruction_a", "adversarial_b", "cycle_a", "cycle_kl_a")},
    "noise_b": {f"generators/{term}" for term in ("reconstruction_b", "adversarial_a", "cycle_b", "cycle_kl_b")},
    "noise_fake_a": {"generators/cycle_b"},
    "noise_fake_b": {"generators/cycle_a"},
}


def test_each_noise_changes_the_losses_that_it_should():
    losses = {}
    for other in (None, *REACHES):
        torch.manual_seed(0)
        # Of a step too small to count, so that the discriminators' update carries nothing over.
        method = tiny(lr=1e-20).double()
        with torch.no_grad():
            # Discriminators start so narrow that hardly anything changes their scores.
            for parameter in (*method.discriminator_a.parameters(), *method.discriminator_b.parameters()):
                parameter.mul_(10)
        batch = batch_for(method, dtype=torch.float64)
        draws = dict(batch.draws)
        if other is not None:
            draws[other] = draws[other].flip(0)
        losses[other] = stepped(method, Batch(batch.a, batch.b, draws))
    assert method.draws().keys() == REACHES.keys()
    for noise, reached in REACHES.items():
        assert {term for term, value in losses[noise].items() if abs(value - losses[None][term]) > 1e-9} == reached


def test_the_generators_meet_the_discriminators_that_the_step_has_updated():
    losses = []
    for lr in (1e-20, 1e-2):
        torch.manual_seed(0)
        method = tiny(lr=lr).double()
        losses.append(stepped(method, batch_for(method, dtype=torch.float64)))
    moved = {term for term in losses[0] if abs(losses[0][term] - losses[1][term]) > 1e-9}
    assert moved == {"generators/adversarial_a", "generators/adversarial_b"}


def test_the_discriminators_phase_holds_no_graph_of_the_generators():
    method = tiny()
    needed = []
    method.discriminator_b.register_forward_pre_hook(lambda _module, args: needed.append(args[0].requires_grad))
    method.step(batch_for(method), Phases(build_optimizers(method)))
    assert needed == [False, True]


def test_each_image_is_encoded_once_and_each_translation_once():
    method = tiny()
    calls: dict[str, int] = {}
    for name in CODERS:

        def count(_module: nn.Module, _args: Any, name: str = name) -> None:
            calls[name] = calls.get(name, 0) + 1

        getattr(method, name).register_forward_pre_hook(count)
    method.step(batch_for(method), Phases(build_optimizers(method)))
    # A decoder makes the fake that the discriminators see, the reconstruction with the other fake, and the way back.
    assert calls == {"encoder_a": 2, "encoder_b": 2, "decoder_a": 3, "decoder_b": 3}


def test_a_translation_has_no_noise_and_crosses_over():
    method = tiny()
    x = batch_for(method).a
    with torch.no_grad():
        assert method.translate(x, "A2B").equal(method.decoder_b(method.encoder_a(x)))
        assert method.translate(x, "B2A").equal(method.decoder_a(method.encoder_b(x)))
