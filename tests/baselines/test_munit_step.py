"""A step of MUNIT: losses that were computed by hand, what each loss and each style reaches, and translation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_munit import CODERS, PARTS, batch_for, stepped, tiny
from torch import nn

from baselines.munit import MUNIT
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

pytestmark = pytest.mark.usefixtures("deterministic")


def constant_networks(method: MUNIT) -> None:
    """Content encoders that give 2 for images of A and -1 for B, style encoders 0.75 and -0.5, decoders 0.5,
    discriminators 3, whatever they see.
    """
    for parameter in method.parameters():
        nn.init.zeros_(parameter)
    for x, content, style in (("a", 2.0, 0.75), ("b", -1.0, -0.5)):
        method.get_submodule(f"content_encoder_{x}")[-1].layers.append(Plus(content))
        nn.init.constant_(method.get_submodule(f"style_encoder_{x}")[-2].bias, style)
        nn.init.constant_(method.get_submodule(f"decoder_{x}").image[-2].bias, torch.tensor(0.5).atanh().item())
        for network in method.get_submodule(f"discriminator_{x}").scales:
            nn.init.constant_(network[-1].bias, 3.0)


class Plus(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.value


def test_losses_of_constant_networks_are_those_worked_out_by_hand():
    method = tiny(size=64, lr=1e-12, weight_decay=0, cycle_weight=20)
    constant_networks(method)
    batch = batch_for(method)
    draws = {**batch.draws, "style_a": torch.full((2, 8), 1.0), "style_b": torch.full((2, 8), -2.0)}
    losses = stepped(method, Batch(torch.full_like(batch.a, -0.25), torch.full_like(batch.b, 1.0), draws))
    expected = {
        # Three scales of (3 - 1)^2 and 3^2.
        **{f"discriminators/real_{x}": 12.0 for x in "ab"},
        **{f"discriminators/fake_{x}": 27.0 for x in "ab"},
        **{f"generators/adversarial_{x}": 12.0 for x in "ab"},
        # 10 |0.5 + 0.25| and 10 |0.5 - 1|; the cycle has twice the weight.
        "generators/reconstruction_a": 7.5,
        "generators/reconstruction_b": 5.0,
        "generators/cycle_a": 15.0,
        "generators/cycle_b": 10.0,
        # |0.75 - 1| and |-0.5 + 2|.
        "generators/style_a": 0.25,
        "generators/style_b": 1.5,
        # |-1 - 2|: the content of a translation of A is encoded as that of an image of B.
        **{f"generators/content_{x}": 3.0 for x in "ab"},
    }
    assert losses == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["reconstruction", "style", "content", "cycle"])
def test_a_weight_scales_its_own_losses_and_no_other(kind):
    losses = []
    for factor in (1, 3):
        torch.manual_seed(0)
        method = tiny(cycle_weight=1)
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
        *((f"reconstruction_{x}", {f"{part}_{x}" for part in PARTS}) for x in "ab"),
        ("style_a", {"content_encoder_b", "decoder_a", "style_encoder_a"}),
        ("style_b", {"content_encoder_a", "decoder_b", "style_encoder_b"}),
        ("content_a", {"content_encoder_a", "decoder_b", "content_encoder_b"}),
        ("content_b", {"content_encoder_b", "decoder_a", "content_encoder_a"}),
        *((f"cycle_{x}", set(CODERS) - {f"style_encoder_{y}"}) for x, y in ("ab", "ba")),
        ("adversarial_a", {"content_encoder_b", "decoder_a"}),
        ("adversarial_b", {"content_encoder_a", "decoder_b"}),
    ],
)
def test_a_loss_reaches_the_networks_that_it_should(term, reached):
    method = tiny(cycle_weight=10)
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
    "style_discriminators_a": {"discriminators/fake_a"},
    "style_discriminators_b": {"discriminators/fake_b"},
    "style_a": {f"generators/{term}" for term in ("style_a", "adversarial_a", "content_b", "cycle_b")},
    "style_b": {f"generators/{term}" for term in ("style_b", "adversarial_b", "content_a", "cycle_a")},
}


def test_each_style_changes_the_losses_that_it_should():
    losses = {}
    for other in (None, *REACHES):
        torch.manual_seed(0)
        # Of a step too small to count, so that the discriminators' update carries nothing over.
        method = tiny(lr=1e-20, cycle_weight=10).double()
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
    for style, reached in REACHES.items():
        assert {term for term, value in losses[style].items() if abs(value - losses[None][term]) > 1e-9} == reached


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


@pytest.mark.parametrize("cycle_weight", [0, 10])
def test_each_image_is_encoded_once_and_each_translation_once(cycle_weight):
    method = tiny(cycle_weight=cycle_weight)
    calls: dict[str, int] = {}
    for name in CODERS:

        def count(_module: nn.Module, _args: Any, name: str = name) -> None:
            calls[name] = calls.get(name, 0) + 1

        getattr(method, name).register_forward_pre_hook(count)
    method.step(batch_for(method), Phases(build_optimizers(method)))
    # A decoder makes the fake that the discriminators see, the reconstruction with the other fake, and the way back.
    decoded = 3 if cycle_weight else 2
    assert calls == {name: decoded if name.startswith("decoder") else 2 for name in CODERS}


def test_a_translation_crosses_over_and_takes_the_style_that_is_given():
    method = tiny()
    x, styles = batch_for(method).a, torch.randn(2, 8)
    with torch.no_grad():
        content_a, content_b = method.content_encoder_a(x), method.content_encoder_b(x)
        assert method.translate(x, "A2B", styles).equal(method.decoder_b(content_a, styles))
        assert method.translate(x, "B2A", styles).equal(method.decoder_a(content_b, styles))
        other = method.translate(x, "A2B", styles.flip(0))
    assert (other - method.decoder_b(content_a, styles)).abs().mean() > 1e-3


def test_the_style_of_an_example_is_that_of_the_target_domain():
    method = tiny()
    x = batch_for(method).a
    with torch.no_grad():
        assert method.encode_style(x, "A2B").equal(method.style_encoder_b(x))
        assert method.encode_style(x, "B2A").equal(method.style_encoder_a(x))
    assert not method.style_encoder_a(x).equal(method.style_encoder_b(x))
