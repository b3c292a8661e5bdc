"""AGGAN's step: its config, losses that were computed by hand, what each loss reaches, and the switch."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.aggan import AGGAN, AGGANConfig
from ugbench.errors import ConfigError
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

pytestmark = pytest.mark.usefixtures("deterministic")
NETWORKS = ("generator_a2b", "generator_b2a", "attention_a", "attention_b", "discriminator_a", "discriminator_b")
TO_B, TO_A = "generator_a2b+attention_a", "generator_b2a+attention_b"
SMALL = {"size": 32, "channels": 4, "attention_channels": 4, "discriminator_channels": 4, "blocks": 1, "pool_size": 2}


def tiny(**fields: Any) -> AGGAN:
    return AGGAN(AGGAN.make_config("smoke", None, {**SMALL, "steps": 10, **fields}))


def batch_for(method: AGGAN, n: int = 2, step: int = 0, dtype: torch.dtype = torch.float32) -> Batch:
    shape = method.config.image_shape
    a, b = (torch.rand(n, 3, *shape, dtype=dtype) * 2 - 1 for _ in "ab")
    return Batch(a, b, {name: torch.rand(n, 2, dtype=dtype) for name in method.draws()}, step)


def stepped(method: AGGAN, batch: Batch) -> dict[str, float]:
    phases = Phases(build_optimizers(method))
    method.step(batch, phases)
    return {term: float(value) for term, value in phases.losses.items()}


def state_of(method: AGGAN, *networks: str) -> dict[str, Tensor]:
    return {key: x.clone() for name in networks for key, x in method.get_submodule(name).state_dict().items()}


def last_layer(network: nn.Module) -> nn.Conv2d:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][-1]


def test_the_paper_preset_trains_100_epochs_of_the_larger_domain_and_switches_after_30() -> None:
    config = AGGAN.make_config().resolved(1067, 1334)
    assert (config.steps, config.epochs, config.size, config.batch_size) == (100 * 1334, None, 256, 1)
    assert isinstance(config, AGGANConfig)
    assert (config.switch_step, config.threshold, config.cycle_weight) == (30 * 1334, 0.1, 10.0)
    with torch.device("meta"):
        groups = AGGAN(config).groups()
    assert tuple(groups) == NETWORKS
    for name, group in groups.items():
        assert (group.lr, group.betas, group.eps, group.weight_decay) == (1e-4, (0.5, 0.999), 1e-8, 0.0)
        factors = [group.schedule(step) for step in (0, 30 * 1334 - 1, 30 * 1334, 50 * 1334, 75 * 1334, 100 * 1334)]
        assert factors == pytest.approx([1, 1, 0, 0, 0, 0] if name in NETWORKS[2:4] else [1, 1, 1, 1, 0.5, 0])


@pytest.mark.parametrize(("steps", "share", "switch"), [(1, 0.3, 1), (10, 0.3, 3), (10, 1.0, 10), (7, 0.01, 1)])
def test_the_switch_is_a_share_of_the_steps_and_never_before_the_first(steps: int, share: float, switch: int) -> None:
    method = tiny(steps=steps, switch_share=share)
    assert method.config.switch_step == switch
    assert method.groups()["attention_a"].schedule(0) == 1


def test_groups_need_the_number_of_steps() -> None:
    with torch.device("meta"):
        method = AGGAN(AGGAN.make_config())
    with pytest.raises(ConfigError, match="steps is not set"):
        method.groups()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 30),
        ("size", 4),
        ("blocks", 0),
        ("attention_kernels", "3x3"),
        ("switch_share", 0),
        ("switch_share", 1.5),
        ("threshold", 1),
        ("threshold", -0.1),
        ("cycle_weight", -1),
        ("pool_size", -1),
        ("beta1", 1),
    ],
)
def test_a_field_that_cannot_have_a_value_is_named_with_it(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{field}: {value!r} was given; ")):
        AGGAN.make_config("smoke", None, {field: value})


@pytest.mark.parametrize("kernels", ["published", "intended"])
@pytest.mark.parametrize("size", [8, (8, 20), (36, 16)])
def test_it_trains_and_translates_at_small_sizes_and_rectangles(size: Any, kernels: str) -> None:
    method = tiny(size=size, attention_kernels=kernels)
    batch = batch_for(method, 1)
    assert all(value < 100 for value in stepped(method, batch).values())
    with torch.no_grad():
        assert method.translate(batch.a, "A2B").shape == batch.a.shape
        assert method.attention(batch.a, "B2A")["mask"].shape == (1, 1, *method.config.image_shape)


def test_weights_start_from_a_truncated_normal_and_norms_around_one() -> None:
    method = tiny(channels=16, attention_channels=16, discriminator_channels=16)
    for name, parameter in method.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
            continue
        centre = 0.0 if parameter.ndim == 4 else 1.0
        assert (parameter - centre).abs().max() <= 0.04 + 1e-6, name
        if parameter.numel() > 1000:
            # The standard deviation of a normal without what is beyond two deviations is 0.88 of its own.
            assert float(parameter.detach().std()) == pytest.approx(0.0176, rel=0.05), name
    scales = [p for name, p in method.named_parameters() if p.ndim == 1 and name.endswith("weight")]
    assert len(scales) == 6 * 2 + 2 * 6 + 2 * 4 + 2 * 1
    assert float(torch.cat(scales).detach().std()) == pytest.approx(0.0176, rel=0.15)


def constant_networks(method: AGGAN, attention: float) -> None:
    """Generators that give 0.5, this attention, and discriminators that give 3, whatever they see."""
    for parameter in method.parameters():
        nn.init.zeros_(parameter)
    for name in NETWORKS:
        value = {"g": torch.tensor(0.5).atanh(), "a": torch.tensor(attention).logit(), "d": torch.tensor(3.0)}[name[0]]
        nn.init.constant_(last_layer(method.get_submodule(name)).bias, float(value))


def test_losses_of_constant_networks_are_those_worked_out_by_hand() -> None:
    method = tiny(lr=1e-12)
    constant_networks(method, attention=0.6)
    batch = batch_for(method)
    losses = stepped(method, Batch(torch.full_like(batch.a, -0.25), torch.full_like(batch.b, 1.0), batch.draws))
    # fake_b = 0.6 * 0.5 - 0.4 * 0.25 = 0.2, and back: 0.3 + 0.4 * 0.2 = 0.38, which is 0.63 from a.
    # fake_a = 0.6 * 0.5 + 0.4 * 1 = 0.7, and back: 0.3 + 0.4 * 0.7 = 0.58, which is 0.42 from b.
    cycles = {"cycle_a": 6.3, "cycle_b": 4.2}
    expected = {f"{phase}/{term}": value for phase in (TO_B, TO_A) for term, value in cycles.items()}
    expected |= {f"{phase}/adversarial": 4.0 for phase in (TO_B, TO_A)}
    # Half of (3 - 1)^2 and half of 3^2.
    expected |= {f"discriminator_{x}/real": 2.0 for x in "ab"} | {f"discriminator_{x}/fake": 4.5 for x in "ab"}
    assert losses == pytest.approx(expected, rel=1e-5)


def test_the_cycle_weight_scales_the_cycle_losses_and_no_other() -> None:
    losses = []
    for weight in (10.0, 30.0):
        torch.manual_seed(0)
        method = tiny(cycle_weight=weight, lr=1e-12).double()
        losses.append(stepped(method, batch_for(method, dtype=torch.float64)))
    ratios = {term: losses[1][term] / losses[0][term] for term in losses[0]}
    assert ratios == pytest.approx({term: 3 if "cycle" in term else 1 for term in ratios}, rel=1e-5)


def test_each_phase_moves_its_own_networks_in_the_order_of_the_authors() -> None:
    method = tiny()
    moved: dict[str, set[str]] = {}

    class Watched(Phases):
        def _update(self, optimizers: Any, name: str, terms: Any) -> None:
            before = {key: value.clone() for key, value in method.named_parameters()}
            super()._update(optimizers, name, terms)
            moved[name] = {key.split(".")[0] for key, p in method.named_parameters() if not p.equal(before[key])}

    method.step(batch_for(method), Watched(build_optimizers(method)))
    assert list(moved.items()) == [
        (TO_B, {"generator_a2b", "attention_a"}),
        ("discriminator_b", {"discriminator_b"}),
        (TO_A, {"generator_b2a", "attention_b"}),
        ("discriminator_a", {"discriminator_a"}),
    ]


@pytest.mark.parametrize(
    ("phase", "term", "reached"),
    [
        *((TO_B, term, {"generator_a2b", "attention_a"}) for term in ("adversarial", "cycle_a", "cycle_b")),
        *((TO_A, term, {"generator_b2a", "attention_b"}) for term in ("adversarial", "cycle_a", "cycle_b")),
        *((f"discriminator_{x}", term, {f"discriminator_{x}"}) for x in "ab" for term in ("real", "fake")),
    ],
)
def test_a_loss_reaches_the_networks_that_it_should(phase: str, term: str, reached: set[str]) -> None:
    method = tiny()
    networks_of: dict[str, set[str]] = {}

    class Watched(Phases):
        def _update(self, optimizers: Any, name: str, terms: Any) -> None:
            if name == phase:
                learning = {key: p for key, p in method.named_parameters() if p.requires_grad}
                parts = torch.autograd.grad(terms[term], list(learning.values()), allow_unused=True, retain_graph=True)
                networks_of[name] = {
                    key.split(".")[0]
                    for key, part in zip(learning, parts, strict=True)
                    if part is not None and part.any()
                }
            super()._update(optimizers, name, terms)

    method.step(batch_for(method), Watched(build_optimizers(method)))
    assert networks_of == {phase: reached}


def seen_by_discriminators(method: AGGAN, batch: Batch) -> dict[str, list[Tensor]]:
    """What each discriminator is given in a step: the fakes of the generators' phase, then real images and fakes."""
    seen: dict[str, list[Tensor]] = {}
    handles = []
    for x in "ab":

        def note(_module: nn.Module, given: tuple[Tensor, ...], x: str = x) -> None:
            seen.setdefault(x, []).append(given[0].detach().clone())

        handles.append(method.get_submodule(f"discriminator_{x}").register_forward_pre_hook(note))
    stepped(method, batch)
    for handle in handles:
        handle.remove()
    return seen


def with_maps_around_the_threshold(method: AGGAN) -> AGGAN:
    with torch.no_grad():
        for x in "ab":
            layer = last_layer(method.get_submodule(f"attention_{x}"))
            layer.weight.mul_(200)
            soft = method.get_submodule(f"attention_{x}")(torch.rand(2, 3, 32, 32) * 2 - 1)
            layer.bias.sub_(soft.logit().mean() + 2.2)  # a mean map has 0.1 now
    return method


def test_before_the_switch_discriminators_see_whole_images_and_after_it_what_is_attended() -> None:
    method = with_maps_around_the_threshold(tiny(lr=1e-12, pool_size=0, switch_share=0.1))
    batch = batch_for(method)
    with torch.no_grad():
        (fake_b, map_a), (fake_a, map_b) = (
            method._translation(*names) for names in (("a", "b", batch.a), ("b", "a", batch.b))
        )
    assert 0.1 < (map_a >= 0.1).float().mean() < 0.9 and 0.1 < (map_b >= 0.1).float().mean() < 0.9
    for attended_a, attended_b in ((torch.ones(()), torch.ones(())), (map_a >= 0.1, map_b >= 0.1)):
        seen = seen_by_discriminators(method, batch)
        expected = {
            # A fake has the map of its source.
            "b": [fake_b * attended_a, torch.cat((batch.b * attended_b, fake_b * attended_a))],
            "a": [fake_a * attended_b, torch.cat((batch.a * attended_a, fake_a * attended_b))],
        }
        for x, inputs in expected.items():
            for given, wanted in zip(seen[x], inputs, strict=True):
                torch.testing.assert_close(given, wanted, rtol=0, atol=1e-5)


def test_a_pool_keeps_a_fake_with_its_soft_map_which_is_cut_off_by_the_threshold_of_its_use() -> None:
    method = tiny(pool_size=2, lr=1e-12, switch_share=0.1)
    first = batch_for(method)
    with torch.no_grad():
        fake_b, map_a = method._translation("a", "b", first.a)
    stepped(method, first)
    torch.testing.assert_close(method.pool_b.images, torch.cat((fake_b, map_a), 1))
    with torch.no_grad():
        method.pool_b.images[0, 3, :16], method.pool_b.images[0, 3, 16:] = 0.05, 0.1
    kept = method.pool_b.images.clone()
    # Every coin shows the first pair now, and the switch has come.
    again = batch_for(method)
    draws = {"pool_a": torch.zeros(2, 2), "pool_b": torch.tensor([[0.9, 0.0], [0.0, 0.0]])}
    seen = seen_by_discriminators(method, Batch(again.a, again.b, draws))["b"][1]
    assert not seen[2, :, :16].any()
    assert seen[2, :, 16:].equal(kept[0, :3, 16:])


def test_no_gradient_reaches_a_map_by_what_the_threshold_hides() -> None:
    method = tiny(lr=1e-12, switch_share=0.1, cycle_weight=0)
    with torch.no_grad():
        nn.init.zeros_(last_layer(method.attention_a).weight)
        nn.init.constant_(last_layer(method.attention_a).bias, -3.0)  # a map of 0.047
    method.steps_done.add_(1)
    gradients: list[bool] = []

    class Watched(Phases):
        def _update(self, optimizers: Any, name: str, terms: Any) -> None:
            if name == TO_B:
                parameters = [*method.generator_a2b.parameters(), *method.attention_a.parameters()]
                parts = torch.autograd.grad(terms["adversarial"], parameters, allow_unused=True, retain_graph=True)
                gradients.extend(bool(part.any()) for part in parts if part is not None)
            super()._update(optimizers, name, terms)

    method.step(batch_for(method), Watched(build_optimizers(method)))
    assert gradients and not any(gradients)


def test_from_the_switch_on_attention_stays_in_every_bit_and_generators_train_on() -> None:
    method = tiny(steps=4, switch_share=0.5)
    phases = Phases(build_optimizers(method))
    moved = []
    for step in range(4):
        before = {name: state_of(method, name) for name in NETWORKS}
        train_step(method, phases, batch_for(method, step=step))
        moved.append(
            [
                name
                for name in NETWORKS
                if any(not x.equal(before[name][key]) for key, x in method.get_submodule(name).state_dict().items())
            ]
        )
    others = [name for name in NETWORKS if not name.startswith("attention")]
    assert moved == [list(NETWORKS), list(NETWORKS), others, others]
    assert int(method.steps_done) == 4


def test_from_the_switch_on_the_norms_of_discriminators_have_no_part_in_a_step() -> None:
    losses = {}
    for steps_done in (0, 1):
        for scale in (1.0, 3.0):
            torch.manual_seed(0)
            method = tiny(switch_share=0.1, lr=1e-12)
            method.steps_done.fill_(steps_done)
            for x in "ab":
                for norm in method.get_submodule(f"discriminator_{x}").norms:
                    nn.init.constant_(norm.weight, scale)
            losses[steps_done, scale] = stepped(method, batch_for(method))
    assert losses[1, 1.0] == losses[1, 3.0]
    changed = {term for term in losses[0, 1.0] if losses[0, 1.0][term] != losses[0, 3.0][term]}
    assert changed == {term for term in losses[0, 1.0] if "cycle" not in term}


def test_discriminators_are_told_of_the_switch_by_a_flag_on_the_device() -> None:
    """So a step after the switch is the same sequence of operations as one before it."""
    method = tiny(steps=4, switch_share=0.5)
    given: list[Any] = []
    method.discriminator_b.register_forward_pre_hook(lambda _module, arguments: given.append(arguments[1]))
    for step in range(4):
        method.step(batch_for(method, step=step), Phases(build_optimizers(method)))
    assert [(flag.dtype, flag.shape) for flag in given] == [(torch.bool, ())] * 8
    assert [bool(flag) for flag in given] == [False] * 4 + [True] * 4


def test_a_translation_keeps_what_is_not_attended() -> None:
    method = tiny().eval()
    x = batch_for(method).a
    with torch.no_grad():
        for direction, source, network in (("A2B", "a", "generator_a2b"), ("B2A", "b", "generator_b2a")):
            soft, made = method.get_submodule(f"attention_{source}")(x), method.get_submodule(network)(x)
            torch.testing.assert_close(method.translate(x, direction), soft * made + (1 - soft) * x)
            assert list(method.attention(x, direction)) == ["mask"]
            assert method.attention(x, direction)["mask"].equal(soft)
        constant_networks(method, attention=1e-9)
        torch.testing.assert_close(method.translate(x, "A2B"), x, rtol=0, atol=1e-8)
