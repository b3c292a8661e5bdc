"""CUT: sizes of its networks, config, learning rates, and the gradients and draws of a step."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from baselines.cut import CUT
from ugbench.errors import ConfigError, UnknownName
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers, set_learning_rates
from ugbench.training.step import Phases

each_variant = pytest.mark.parametrize("variant", [None, "fastcut"])
LOSSES = {None: ("nce", "nce_identity"), "fastcut": ("nce",)}


def tiny(variant: str | None = None, **fields: Any) -> CUT:
    small = {"channels": 4, "discriminator_channels": 4, "projection_channels": 8, "blocks": 5, "patches": 16}
    return CUT(CUT.make_config("smoke", variant, {"size": 32, **small, **fields}))


def batch_of(method: CUT, n: int = 2, **draws: Tensor) -> Batch:
    size = method.config.size
    a, b = (torch.rand(n, 3, size, size) * 2 - 1 for _ in "ab")
    return Batch(a, b, {name: torch.rand(draw.shape) for name, draw in method.draws().items()} | draws)


def losses_of(method: CUT, batch: Batch) -> dict[str, float]:
    phases = Phases(build_optimizers(method))
    method.step(batch, phases)
    return {term: float(value) for term, value in phases.losses.items()}


def test_the_adversarial_loss_of_the_generator_alone_has_its_weight() -> None:
    losses = []
    for weight in (1.0, 3.0):
        torch.manual_seed(0)
        method = tiny(adversarial_weight=weight)
        batch = batch_of(method)
        losses.append(losses_of(method, batch))
    once, thrice = losses
    key = "generators/adversarial"
    assert thrice[key] == pytest.approx(3 * once[key], rel=1e-6)
    assert {k: v for k, v in thrice.items() if k != key} == {k: v for k, v in once.items() if k != key}


def parameters_in(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_networks_have_as_many_parameters_as_the_papers() -> None:
    with torch.device("meta"):
        method = CUT(CUT.make_config())
    networks = (method.generator, method.discriminator, method.projection)
    assert [parameters_in(network) for network in networks] == [11378179, 2764737, 560384]


def test_the_generator_multiplies_as_often_as_its_convolutions_say() -> None:
    """By hand: kernel x channels in x channels out x positions; blurs are a matter of 0.2 %."""
    with torch.device("meta"):
        method = CUT(CUT.make_config())
        image = torch.empty(1, 3, 256, 256)
        with FlopCounterMode(display=False) as counter:
            method.translate(image, "A2B")
    full, half, quarter = 256**2, 128**2, 64**2
    ends = 2 * 49 * 3 * 64 * full
    down = 9 * 64 * 128 * full + 9 * 128 * 256 * half
    up = 9 * 256 * 128 * half + 9 * 128 * 64 * full
    blocks = 18 * 9 * 256 * 256 * quarter
    blurs = 9 * 128 * half + 9 * 256 * quarter
    assert counter.get_total_flops() == 2 * (ends + down + blocks + up + blurs)


def test_the_layers_of_the_patch_nce_loss_and_their_features_are_those_of_the_public_code() -> None:
    with FakeTensorMode():
        method = CUT(CUT.make_config())
        features = method._features(torch.rand(1, 3, 256, 256))
        assert method.discriminator(torch.rand(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    assert method.nce_layers == (0, 4, 8, 12, 16)
    assert [tuple(x.shape[1:3]) for x in features] == [(3, 262), (128, 256), (256, 128), (256, 64), (256, 64)]


def test_the_receptive_field_of_a_logit_is_84_px() -> None:
    network = tiny(discriminator_channels=2).discriminator
    plain = torch.nn.Sequential(*(layer for layer in network if not isinstance(layer, torch.nn.InstanceNorm2d)))
    x = torch.rand(1, 3, 160, 160, requires_grad=True)
    plain(x)[0, 0, 9, 9].backward()
    assert x.grad is not None
    seen = x.grad.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [84, 84]


@pytest.mark.parametrize(("blocks", "taps"), [(1, (0, 4, 8, 12)), (2, (0, 4, 8, 12, 13)), (6, (0, 4, 8, 12, 16))])
def test_with_fewer_than_five_blocks_the_last_is_tapped_in_the_fifths_place(blocks: int, taps: tuple[int, ...]) -> None:
    method = tiny(blocks=blocks)
    assert method.nce_layers == taps
    assert len(method.projection) == len(taps)


@pytest.mark.parametrize(
    ("variant", "epochs", "factors"), [(None, 400, (1, 1, 0.5, 1 / 200)), ("fastcut", 200, (1, 1, 0.5, 1 / 50))]
)
def test_the_paper_preset_trains_the_papers_epochs_at_its_rates(
    variant: str | None, epochs: int, factors: tuple[float, ...]
) -> None:
    config = CUT.make_config("paper", variant).resolved(1067, 1334)
    assert (config.steps, config.size, config.batch_size) == (epochs * 1334, 256, 1)
    with torch.device("meta"):
        groups = CUT(config).groups()
    assert list(groups) == ["generators", "discriminators"]
    constant = {None: 200, "fastcut": 150}[variant]
    at = (0, constant, (constant + epochs) / 2, epochs - 1)
    for group in groups.values():
        assert (group.lr, group.betas, group.eps, group.weight_decay) == (2e-4, (0.5, 0.999), 1e-8, 0.0)
        assert [group.schedule(int(1334 * epoch)) for epoch in at] == pytest.approx(factors)


@pytest.mark.parametrize(("variant", "constant", "falling"), [(None, 200, 200), ("fastcut", 150, 50)])
def test_within_every_epoch_the_rate_passes_the_public_codes(variant: str | None, constant: int, falling: int) -> None:
    """That code lowers its rate once an epoch, to 1 - (e - constant) / (falling + 1) in epoch e, counted from 1."""
    length = 100
    with torch.device("meta"):
        method = CUT(CUT.make_config("paper", variant).resolved(length, length))
    schedule = method.groups()["generators"].schedule
    for epoch in range(1, constant + falling + 1):
        public = 1 - max(0, epoch - constant) / (falling + 1)
        assert schedule(epoch * length) <= public <= schedule((epoch - 1) * length), epoch


def test_fastcut_differs_by_weight_identity_flip_and_epochs() -> None:
    base, fast = (CUT.make_config("paper", variant).model_dump() for variant in (None, "fastcut"))
    assert {name: (base[name], fast[name]) for name in base if base[name] != fast[name]} == {
        "epochs": (400, 200),
        "constant_share": (0.5, 0.75),
        "nce_weight": (1.0, 10.0),
        "identity_nce": (True, False),
        "flip_equivariance": (False, True),
    }


def test_a_model_learns_one_direction() -> None:
    assert CUT.directions == ("A2B",)


@pytest.mark.parametrize(
    ("field", "value"), [("size", 30), ("size", 20), ("blocks", 0), ("patches", 1), ("temperature", 0), ("lr", 0)]
)
def test_a_field_that_cannot_have_a_value_is_named_with_it(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{field}: {value!r} was given; ")):
        CUT.make_config("smoke", None, {field: value})


def test_an_unknown_field_is_met_with_a_near_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'nce_weight'"):
        CUT.make_config("smoke", None, {"nce_wieght": 1})


def test_groups_need_the_number_of_steps() -> None:
    with torch.device("meta"):
        method = CUT(CUT.make_config())
    with pytest.raises(ConfigError, match="steps is not set"):
        method.groups()


def test_weights_start_from_xaviers_normal_times_the_gain_and_biases_from_zero(deterministic: None) -> None:
    method = CUT(CUT.make_config("smoke", None, {"channels": 16, "projection_channels": 64, "init_gain": 0.02}))
    for name, parameter in method.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif parameter.numel() > 4000:
            area = parameter[0, 0].numel()
            std = 0.02 * math.sqrt(2 / (area * (parameter.shape[0] + parameter.shape[1])))
            assert float(parameter.detach().std()) == pytest.approx(std, rel=0.06), name


@each_variant
def test_draws_are_a_number_a_position_for_each_loss_and_layer(variant: str | None) -> None:
    draws = tiny(variant, size=64).draws()
    shapes = {name: draw.shape for name, draw in draws.items() if name != "flip"}
    sides = {0: 70, 4: 64, 8: 32, 12: 16, 16: 16}
    assert shapes == {f"{loss}/{tap}": (side**2,) for loss in LOSSES[variant] for tap, side in sides.items()}
    assert ("flip" in draws) == (variant == "fastcut")
    assert {draw.per for draw in draws.values()} == {"step"}


def test_each_loss_and_layer_has_patches_of_its_own() -> None:
    method = tiny().double()
    batch = batch_of(method)
    batch = Batch(batch.a.double(), batch.b.double(), batch.draws)
    start = {key: value.clone() for key, value in method.state_dict().items()}
    plain = losses_of(method, batch)
    for name, draw in batch.draws.items():
        method.load_state_dict(start)
        other = losses_of(method, Batch(batch.a, batch.b, {**batch.draws, name: draw.flip(0)}))
        changed = {term for term in plain if other[term] != plain[term]}
        assert changed == {f"generators/{name.split('/')[0]}"}, name


@each_variant
def test_each_term_reaches_its_own_networks_and_no_other(variant: str | None) -> None:
    method = tiny(variant, init_gain=1.0)
    reached: dict[str, set[str]] = {}

    class Watched(Phases):
        def _update(self, optimizers: Any, name: str, terms: dict[str, Tensor]) -> None:
            named = {key: p for key, p in method.named_parameters() if p.requires_grad}
            for term, value in terms.items():
                gradients = torch.autograd.grad(value, list(named.values()), retain_graph=True, allow_unused=True)
                pairs = zip(named, gradients, strict=True)
                reached[term] = {key.split(".")[0] for key, gradient in pairs if gradient is not None}
            super()._update(optimizers, name, terms)

    method.step(batch_of(method), Watched(build_optimizers(method)))
    contrastive = {term: {"generator", "projection"} for term in LOSSES[variant]}
    assert reached == {
        "real": {"discriminator"},
        "fake": {"discriminator"},
        "adversarial": {"generator"},
        **contrastive,
    }


def test_keys_pass_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []

    def note(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
        seen.append((queries.requires_grad, keys.requires_grad))
        return queries.square().mean()

    monkeypatch.setattr("baselines.cut.patch_nce", note)
    method = tiny()
    method.step(batch_of(method), Phases(build_optimizers(method)))
    assert seen == [(True, False)] * 10


@pytest.fixture
def grey(monkeypatch: pytest.MonkeyPatch) -> Callable[..., CUT]:
    """grey(variant) -> a method all of whose weights are 0: images of 0, scores of 0, features without a norm."""

    def make(variant: str | None = None, **fields: Any) -> CUT:
        method = tiny(variant, **fields)
        for parameter in method.parameters():
            torch.nn.init.zeros_(parameter)
        return method

    return make


@each_variant
def test_networks_of_zeros_have_the_losses_worked_out_by_hand(
    variant: str | None, grey: Callable[..., CUT], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = grey(variant)
    monkeypatch.setattr("ugbench.training.optimizers.learning_rate", lambda *_: 0.0)
    optimizers = build_optimizers(method)
    set_learning_rates(optimizers, 0)  # the generator meets the discriminator as it was
    phases = Phases(optimizers)
    method.step(batch_of(method), phases)
    losses = {term: float(value) for term, value in phases.losses.items()}
    # Scores are 0: (0 - 1)^2 halved for real, 0 for fake. All 16 patches look alike: log 16.
    expected = {"discriminators/real": 0.5, "discriminators/fake": 0.0, "generators/adversarial": 1.0}
    if variant == "fastcut":
        expected["generators/nce"] = 10 * math.log(16)
    else:
        expected |= {"generators/nce": 0.5 * math.log(16), "generators/nce_identity": 0.5 * math.log(16)}
    assert losses == pytest.approx(expected, rel=1e-6)


def test_the_coin_decides_the_flip_of_the_input_and_the_discriminator_sees_the_flipped_fake() -> None:
    for coin, flipped in ((0.49, True), (0.5, False)):
        method = tiny("fastcut", init_gain=1.0)
        batch = batch_of(method, flip=torch.tensor(coin))
        fake = method.generator(batch.a.flip(-1) if flipped else batch.a)
        seen: list[Tensor] = []
        method.discriminator.register_forward_pre_hook(lambda _module, args, seen=seen: seen.append(args[0]))
        method.step(batch, Phases(build_optimizers(method)))
        torch.testing.assert_close(seen[0], torch.cat((batch.b, fake.detach())))
        torch.testing.assert_close(seen[1], fake)


def test_translation_never_flips() -> None:
    method = tiny("fastcut", init_gain=1.0).eval()
    x = batch_of(method).a
    assert method.translate(x, "A2B").equal(method.generator(x))
    assert method.translate(x, "B2A").equal(method.generator(x))


def test_a_layer_with_fewer_positions_than_patches_uses_all_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    method = tiny(size=32, patches=256)
    sizes = []
    monkeypatch.setattr("baselines.cut.patch_nce", lambda q, k, t: sizes.append(q.shape[1]) or q.square().mean())
    method.step(batch_of(method), Phases(build_optimizers(method)))
    assert sizes == [256, 256, 256, 64, 64] * 2


@pytest.mark.parametrize("size", ["32x64", "64x32"])
def test_each_layer_of_a_rectangle_has_a_draw_for_each_of_its_positions(size: str) -> None:
    method = tiny(size=size)
    features = method._features(torch.zeros(1, 3, *method.config.image_shape))
    positions = {layer: (x.shape[2] * x.shape[3],) for layer, x in zip(method.nce_layers, features, strict=True)}
    assert {name: draw.shape for name, draw in method.draws().items()} == {
        f"{loss}/{layer}": shape for loss in ("nce", "nce_identity") for layer, shape in positions.items()
    }
