"""DRIT's losses: computed by hand, what they reach, and the weights, draws and updates that they depend on."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines._drit_losses import gaussian_prior, mode_seeking
from baselines.drit import DRIT
from ugbench.contract.small_methods import random_batch
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

JUDGES = ("discriminator_a", "discriminator_b", "random_discriminator_a", "random_discriminator_b")
TRANSLATORS = ("content_encoder", "attribute_encoder", "generator")
FIRST, SECOND = "generators+attribute_encoder", "generators"
FULL = 2  # number of the first step that trains everything
pytestmark = pytest.mark.usefixtures("deterministic")


def tiny(variant: str | None = None, **fields: Any) -> DRIT:
    overrides = {"size": 32, "channels": 4, "discriminator_channels": 4, "blocks": 1, "steps": 12, **fields}
    return DRIT(DRIT.make_config("smoke", variant, overrides))


def stepped(method: DRIT, batch: Batch) -> dict[str, float]:
    """The losses of one step."""
    phases = Phases(build_optimizers(method), method.period)
    phases.begin_step(batch.step)
    method.step(batch, phases)
    return {term: float(value) for term, value in phases.losses.items()}


def with_draws(batch: Batch, **draws: Tensor) -> Batch:
    return Batch(batch.a, batch.b, {**batch.draws, **draws}, batch.step)


class Plus(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return x + self.value


def constant_networks(method: DRIT) -> None:
    """Contents of 1, attributes of 0.5 (with a variance of 4), images of 0.5, and logits of ln 3 (a probability of
    3/4), whatever the networks see.
    """
    for parameter in method.parameters():
        nn.init.zeros_(parameter)
    method.content_encoder.shared.layers.append(Plus(1.0))
    for domain in "ab":
        nn.init.constant_(method.generator.domains[domain].image[0].bias, torch.tensor(0.5).atanh().item())
        if method.config.form == "concat":
            nn.init.constant_(method.attribute_encoder.mean[domain].bias, 0.5)
            nn.init.constant_(method.attribute_encoder.log_variance[domain].bias, math.log(4))
        else:
            nn.init.constant_(method.attribute_encoder.domains[domain][-2].bias, 0.5)
    for name in JUDGES:
        for network in getattr(method, name).scales:
            nn.init.constant_(network[-1].bias, math.log(3))
    nn.init.constant_(method.content_discriminator[-1].bias, math.log(3))


@pytest.mark.parametrize("variant", [None, "transform"])
def test_losses_of_constant_networks_are_those_worked_out_by_hand(variant: str | None) -> None:
    method = tiny(variant, size=64, lr=1e-12, weight_decay=0)
    constant_networks(method)
    batch = random_batch(method, step=FULL)
    batch = Batch(torch.full_like(batch.a, -0.25), torch.full_like(batch.b, 1.0), batch.draws, FULL)
    code = torch.ones_like(batch.draws["noise_a"])
    batch = with_draws(batch, noise_a=code, noise_b=-3 * code, style=torch.full_like(batch.draws["style"], -0.5))
    right, wrong = -math.log(0.75), -math.log(0.25)
    # The mean of (1/2)^2; or the KL divergence of N(1/2, 4) from N(0, 1), summed over 8 numbers.
    prior = 0.25 if variant else 8 * (0.25 + 4 - 1 - math.log(4)) / 2
    expected = {
        # Over three scales.
        **{f"discriminators/real_{x}": 3 * right for x in ("a", "random_a", "b", "random_b")},
        **{f"discriminators/fake_{x}": 3 * wrong for x in ("a", "random_a", "b", "random_b")},
        **{f"{phase}/adversarial_{x}": 3 * right for phase in (FIRST, SECOND) for x in "ab"},
        # A is 0 and B is 1; the encoder wants 1/2.
        "content_discriminator/a": wrong,
        "content_discriminator/b": right,
        **{f"{FIRST}/content_{x}": (right + wrong) / 2 for x in "ab"},
        # 10 |0.5 + 0.25| and 10 |0.5 - 1|.
        **{f"{FIRST}/{kind}_a": 7.5 for kind in ("reconstruction", "cross_cycle")},
        **{f"{FIRST}/{kind}_b": 5.0 for kind in ("reconstruction", "cross_cycle")},
        # 0.01 (1 + 1)^2 and 0.01 (1 - 3)^2: with the noise.
        **{f"{FIRST}/content_prior_{x}": 0.04 for x in "ab"},
        **{f"{FIRST}/attribute_prior_{x}": 0.01 * prior for x in "ab"},
        # 10 |0.5 + 0.5|.
        **{f"{SECOND}/latent_{x}": 10.0 for x in "ab"},
    }
    assert stepped(method, batch) == pytest.approx(expected, rel=1e-5)


def test_mode_seeking_is_small_where_styles_change_images() -> None:
    first, second = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    second[0], second[1, 0] = 0.3, -0.3  # gaps of 0.3 and 0.1
    styles = torch.zeros(2, 8), torch.stack((torch.full((8,), 0.6), torch.full((8,), -0.1)))
    expected = (1 / (0.3 / 0.6 + 1e-5) + 1 / (0.1 / 0.1 + 1e-5)) / 2
    assert float(mode_seeking(first, second, *styles)) == pytest.approx(expected, rel=1e-6)
    assert float(mode_seeking(first, first, *styles)) == pytest.approx(1e5)


def test_the_prior_of_attributes_is_the_divergence_of_torch_distributions() -> None:
    mean, log_variance = torch.randn(2, 5, 8, dtype=torch.float64)
    gaussian = torch.distributions.Normal(mean, (log_variance / 2).exp())
    divergence = torch.distributions.kl_divergence(gaussian, torch.distributions.Normal(0.0, 1.0))
    assert float(gaussian_prior(mean, log_variance)) == pytest.approx(float(divergence.sum(1).mean()), rel=1e-12)


WEIGHTS = {
    "adversarial_weight": {f"{phase}/adversarial" for phase in (FIRST, SECOND)},
    "content_adversarial_weight": {f"{FIRST}/content"},
    "cross_cycle_weight": {f"{FIRST}/cross_cycle"},
    "reconstruction_weight": {f"{FIRST}/reconstruction"},
    "attribute_prior_weight": {f"{FIRST}/attribute_prior"},
    "content_prior_weight": {f"{FIRST}/content_prior"},
    "latent_weight": {f"{SECOND}/latent"},
    "mode_seeking_weight": {f"{SECOND}/mode_seeking"},
}


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_weight_scales_its_own_losses_and_no_other(weight: str) -> None:
    losses = []
    for factor in (1, 3):
        torch.manual_seed(0)
        # Steps too small to count, so that the first update of the generators carries nothing over to the second.
        method = tiny(mode_seeking_weight=1.0, lr=1e-20).double()
        method.config = method.config.model_copy(update={weight: factor * getattr(method.config, weight)})
        losses.append(stepped(method, random_batch(method, dtype=torch.float64, step=FULL)))
    ratios = {term: losses[1][term] / losses[0][term] for term in losses[0]}
    scaled = {term for term, ratio in ratios.items() if ratio != pytest.approx(1, rel=1e-9)}
    assert scaled == {f"{term}_{x}" for term in WEIGHTS[weight] for x in "ab"}
    assert [ratios[term] for term in scaled] == pytest.approx([3] * len(scaled))


def test_with_mode_seeking_each_image_has_two_random_styles_whose_losses_are_added() -> None:
    losses = []
    for weight in (0.0, 1.0):
        torch.manual_seed(0)
        method = tiny(mode_seeking_weight=weight, lr=1e-20).double()
        batch = random_batch(method, dtype=torch.float64, step=FULL)
        shared = {name: torch.full_like(draw, 0.5) for name, draw in batch.draws.items()}
        shared |= {"style_2": shared["style"] + 1e-11} if weight else {}
        losses.append(stepped(method, Batch(batch.a, batch.b, shared, FULL)))
    extra = {f"{SECOND}/mode_seeking_{x}" for x in "ab"}
    assert losses[1].keys() - losses[0].keys() == extra
    doubled = {f"discriminators/{kind}_random_{x}" for kind in ("real", "fake") for x in "ab"}
    doubled |= {f"{SECOND}/adversarial_{x}" for x in "ab"}
    ratios = {term: losses[1][term] / loss for term, loss in losses[0].items()}
    assert ratios == pytest.approx({term: 2 if term in doubled else 1 for term in ratios}, rel=1e-9)


C, E, G = TRANSLATORS


def parts(network: str, letters: str) -> set[str]:
    return {f"{network}/{letter}" for letter in letters}


ALL = parts(C, "abs") | parts(E, "ab") | parts(G, "abs")
REACHED = [
    *((f"discriminators/{kind}_{x}", {f"discriminator_{x}"}) for kind in ("real", "fake") for x in "ab"),
    *((f"discriminators/{kind}_random_{x}", {f"random_discriminator_{x}"}) for kind in ("real", "fake") for x in "ab"),
    *((f"content_discriminator/{x}", {"content_discriminator"}) for x in "ab"),
    *((f"{FIRST}/cross_cycle_{x}", ALL) for x in "ab"),
    *((f"{FIRST}/reconstruction_{x}", parts(C, f"{x}s") | parts(E, x) | parts(G, f"{x}s")) for x in "ab"),
    *((f"{FIRST}/content_{x}", parts(C, f"{x}s")) for x in "ab"),
    *((f"{FIRST}/content_prior_{x}", parts(C, f"{x}s")) for x in "ab"),
    *((f"{FIRST}/attribute_prior_{x}", parts(E, x)) for x in "ab"),
    *((f"{FIRST}/adversarial_{x}", parts(C, f"{y}s") | parts(E, x) | parts(G, f"{x}s")) for x, y in ("ab", "ba")),
    # The attribute encoder has no gradient in the second update, though latent losses go through it.
    *(
        (f"{SECOND}/{kind}_{x}", parts(C, f"{y}s") | parts(G, f"{x}s"))
        for kind in ("adversarial", "latent", "mode_seeking")
        for x, y in ("ab", "ba")
    ),
]


def test_each_loss_reaches_the_parts_of_networks_that_it_should() -> None:
    method = tiny(mode_seeking_weight=1.0)
    reached: dict[str, set[str]] = {}

    def part_of(key: str) -> str:
        network, *rest = key.split(".")
        if network not in TRANSLATORS:
            return network
        return f"{network}/{next((name for name in rest if name in ('a', 'b')), 's')}"

    class Watched(Phases):
        def _update(self, optimizers: Any, name: str, terms: dict[str, Tensor]) -> None:
            learning = {key: p for key, p in method.named_parameters() if p.requires_grad}
            for term, value in terms.items():
                slopes = torch.autograd.grad(value, list(learning.values()), allow_unused=True, retain_graph=True)
                reached[f"{name}/{term}"] = {
                    part_of(key)
                    for key, slope in zip(learning, slopes, strict=True)
                    if slope is not None and slope.any()
                }
            super()._update(optimizers, name, terms)

    method.step(random_batch(method, step=FULL), Watched(build_optimizers(method), method.period))
    assert reached == dict(REACHED)


def of(phase: str, *terms: str) -> set[str]:
    return {f"{phase}/{term}" for term in terms}


BOTH = ("a", "b")
CYCLES = of(FIRST, "cross_cycle_a", "cross_cycle_b")
CHANGES = {
    **{
        f"noise_{x}": CYCLES
        | of("content_discriminator", x)
        | of("discriminators", f"fake_{y}", f"fake_random_{y}")
        | of(FIRST, f"content_{x}", f"content_prior_{x}", f"reconstruction_{x}", f"adversarial_{y}")
        | of(SECOND, f"adversarial_{y}", f"latent_{y}", f"mode_seeking_{y}")
        for x, y in ("ab", "ba")
    },
    "noise_fake_a": of(FIRST, "cross_cycle_b"),
    "noise_fake_b": of(FIRST, "cross_cycle_a"),
    **{
        f"deviation_{x}": CYCLES
        | of("discriminators", f"fake_{x}")
        | of(FIRST, f"adversarial_{x}", f"reconstruction_{x}")
        for x in BOTH
    },
    **{f"deviation_fake_{x}": of(FIRST, f"cross_cycle_{x}") for x in BOTH},
    "style": {
        *(f"discriminators/fake_random_{x}" for x in BOTH),
        *(f"{SECOND}/{kind}_{x}" for kind in ("adversarial", "latent", "mode_seeking") for x in BOTH),
    },
    "style_2": {
        *(f"discriminators/fake_random_{x}" for x in BOTH),
        *(f"{SECOND}/{kind}_{x}" for kind in ("adversarial", "mode_seeking") for x in BOTH),
    },
}


def test_each_draw_changes_the_losses_that_it_should() -> None:
    losses = {}
    for other in (None, *CHANGES):
        torch.manual_seed(0)
        method = tiny(mode_seeking_weight=1.0, lr=1e-20).double()
        batch = random_batch(method, dtype=torch.float64, step=FULL)
        if other is not None:
            batch = with_draws(batch, **{other: 2 * batch.draws[other].flip(0)})
        losses[other] = stepped(method, batch)
    assert method.draws().keys() == CHANGES.keys()
    for draw, changed in CHANGES.items():
        assert {term for term, loss in losses[draw].items() if abs(loss - losses[None][term]) > 1e-9} == changed, draw


def test_what_comes_later_in_a_step_meets_networks_that_the_step_has_updated() -> None:
    losses = []
    for lr in (1e-20, 1e-2):
        torch.manual_seed(0)
        method = tiny(lr=lr).double()
        losses.append(stepped(method, random_batch(method, dtype=torch.float64, step=FULL)))
    moved = {term for term in losses[0] if abs(losses[0][term] - losses[1][term]) > 1e-9}
    # The second update of the generators begins with the weights of the first one.
    assert moved == {
        *of(FIRST, "adversarial_a", "adversarial_b", "content_a", "content_b"),
        *of(SECOND, "adversarial_a", "adversarial_b", "latent_a", "latent_b"),
    }
