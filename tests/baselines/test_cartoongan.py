"""CartoonGAN: sizes of its networks, config, losses that were computed by hand, and gradients of a step."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from baselines.cartoongan import CartoonGAN
from ugbench.errors import ConfigError
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

INIT, MAIN = 0, 5  # steps in the two phases of `tiny`
pytestmark = pytest.mark.usefixtures("deterministic")


def tiny(**fields: Any) -> CartoonGAN:
    small = {"size": 32, "batch_size": 2, "channels": 4, "discriminator_channels": 4, "blocks": 1, "random_channels": 2}
    overrides = {**small, "content_weight": 10.0, "steps": 10, "init_steps": 4, **fields}
    return CartoonGAN(CartoonGAN.make_config("smoke", None, overrides))


def batch_of(method: CartoonGAN, step: int = MAIN, n: int = 2, dtype: torch.dtype = torch.float32) -> Batch:
    a, b, edges = torch.rand(3, n, 3, *method.config.image_shape, dtype=dtype) * 2 - 1
    return Batch(a, b, {"pool": torch.rand(2, dtype=dtype)}, step, {"edgesB": edges})


def stepped(method: CartoonGAN, batch: Batch) -> dict[str, float]:
    phases = Phases(build_optimizers(method))
    method.step(batch, phases)
    return {term: float(value) for term, value in phases.losses.items()}


def parameters_in(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("biases", "parameters"), [(False, (11_124_352, 1_128_800)), (True, (11_129_667, 1_129_665))])
def test_the_networks_have_as_many_parameters_as_the_authors_with_biases_and_without(
    biases: bool, parameters: tuple[int, int]
) -> None:
    with torch.device("meta"):
        method = CartoonGAN(CartoonGAN.make_config("paper", None, {"biases": biases}))
    assert (parameters_in(method.generator), parameters_in(method.discriminator)) == parameters


def test_the_networks_multiply_as_often_as_the_authors_at_256_px() -> None:
    with torch.device("meta"):
        method = CartoonGAN(CartoonGAN.make_config()).requires_grad_(False)
        image = torch.empty(1, 3, 256, 256)
    gigaflops = []
    for call in (lambda: method.translate(image, "A2B"), lambda: method.discriminator(image)):
        with FlopCounterMode(display=False) as counter:
            logits = call()
        gigaflops.append(round(counter.get_total_flops() / 2e9, 2))
    assert gigaflops == [54.38, 5.80]
    assert logits.shape == (1, 1, 64, 64)


def test_a_logit_sees_37_px() -> None:
    network = nn.Sequential(*(x for x in tiny().discriminator if not isinstance(x, nn.InstanceNorm2d)))
    x = torch.rand(1, 3, 80, 80, requires_grad=True)
    network(x)[0, 0, 10, 10].backward()
    assert x.grad is not None
    seen = x.grad.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [37, 37]


def test_the_paper_preset_has_the_authors_epochs_and_rates() -> None:
    config = CartoonGAN.make_config()
    assert (config.epochs, config.batch_size, config.size, config.init_steps) == (220, 8, 256, None)
    assert (config.content_weight, config.adversarial_weight, config.edge_weight) == (10, 1, 1)
    assert (config.content_network, config.content_size, config.pool_size) == ("vgg19", 224, 50)
    resolved = config.resolved(3400, 3000)
    assert (resolved.steps, resolved.init_steps) == (220 * 425, 20 * 425)
    with torch.device("meta"):
        groups = CartoonGAN(resolved).groups()
    assert list(groups) == ["discriminators", "generators"]
    assert {(group.betas, group.eps, group.weight_decay) for group in groups.values()} == {((0.5, 0.999), 1e-8, 0)}
    rates = {name: [group.lr * group.schedule(425 * epoch) for epoch in EPOCHS] for name, group in groups.items()}
    assert rates["generators"] == pytest.approx([2e-4, 2e-4, 1e-4, 1e-5, 1e-5, 5e-6, 0])
    assert rates["discriminators"] == pytest.approx([1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 5e-6, 0])


EPOCHS = (0, 10, 15, 20, 120, 170, 220)


def test_the_last_rate_of_the_first_steps_is_above_0_and_the_next_is_that_of_the_main_phase() -> None:
    generators = tiny(steps=12, init_steps=4, init_lr=0.5, lr=0.25).groups()["generators"]
    rates = [generators.lr * generators.schedule(step) for step in range(12)]
    assert rates == pytest.approx([0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.1875, 0.125, 0.0625])


def test_without_first_steps_both_rates_are_those_of_the_main_phase() -> None:
    groups = tiny(init_steps=0, init_lr=0.5, lr=0.25).groups()
    for group in groups.values():
        assert [group.lr * group.schedule(step) for step in (0, 5, 8)] == pytest.approx([0.25, 0.25, 0.1])


@pytest.mark.parametrize(("steps", "init_steps"), [(1, 0), (10, 0), (11, 1), (400, 36)])
def test_first_steps_that_are_not_given_are_an_eleventh_and_in_the_config(steps: int, init_steps: int) -> None:
    config = CartoonGAN.make_config("smoke", None, {"steps": steps})
    assert config.model_dump()["init_steps"] == init_steps == config.resolved(9, 9).init_steps
    assert CartoonGAN.Config(**config.model_dump()) == config


def test_given_first_steps_stay_when_the_steps_follow_from_epochs() -> None:
    config = CartoonGAN.make_config("paper", None, {"init_steps": "7", "epochs": 2})
    assert config.resolved(40, 30).model_dump()["init_steps"] == 7
    with pytest.raises(ConfigError, match=r"^init_steps: 7 was given; at steps=4 it is at most 3\.$"):
        config.resolved(16, 16)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"init_steps": 800}, "init_steps: 800 was given; at steps=800 it is at most 799."),
        ({"init_steps": -1}, "init_steps: -1 was given; "),
        ({"size": 30}, "size: 30 was given; a size is a multiple of 4 and at least 8 px"),
        ({"size": 4}, "size: 4 was given; "),
        ({"content_size": 7}, "content_size: 7 was given; "),
        ({"content_network": "vgg16"}, "content_network: 'vgg16' was given; "),
        ({"blocks": 0}, "blocks: 0 was given; "),
        ({"content_weight": 0}, "content_weight: 0 was given; "),
    ],
)
def test_a_field_that_cannot_have_a_value_is_named_with_it(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        CartoonGAN.make_config("smoke", None, fields)


@pytest.mark.parametrize("size", [8, 12, "8x64", "64x8"])
def test_the_smallest_images_and_long_ones_can_be_trained(size: Any) -> None:
    method = tiny(size=size)
    losses = stepped(method, batch_of(method))
    assert all(torch.isfinite(torch.tensor(value)) for value in losses.values())


def test_weights_start_as_the_authors() -> None:
    method = tiny(channels=16, discriminator_channels=16, blocks=2)
    scales = []
    for name, layer in (*method.generator.named_modules(), *method.discriminator.named_modules()):
        if isinstance(layer, nn.InstanceNorm2d):
            scales.append(layer.weight.detach())
            assert not layer.bias.any(), name
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.bias is None, name
            if layer.weight.numel() > 1000:
                assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.06), name
    values = torch.cat(scales)
    assert len(scales) == 12
    assert (
        0 <= values.min() < 0.02 and 0.98 < values.max() <= 1 and float(values.mean()) == pytest.approx(0.5, abs=0.05)
    )


def constant_networks(method: CartoonGAN) -> None:
    """A generator that gives 0.5, a discriminator that gives 3, and images as their own features."""
    for parameter in (*method.generator.parameters(), *method.discriminator.parameters()):
        nn.init.zeros_(parameter)
    nn.init.constant_(method.generator[-2].bias, torch.tensor(0.5).atanh().item())
    nn.init.constant_(method.discriminator[-1].bias, 3.0)
    method.random_network = nn.Identity()


@pytest.mark.parametrize(
    ("content_input", "content"),
    [
        # 10 |0.5 + 0.25| / 2, divided by the three standard deviations.
        ("torchvision", 3.75 * (1 / 0.229 + 1 / 0.224 + 1 / 0.225) / 3),
        ("caffe", 7.5 * 127.5),
    ],
)
def test_losses_of_constant_networks_are_those_worked_out_by_hand(content_input: str, content: float) -> None:
    method = tiny(biases=True, content_input=content_input, content_size=48, init_lr=1e-12, lr=1e-12)
    constant_networks(method)
    photos = torch.full((2, 3, 32, 32), -0.25)
    draws, extra = {"pool": torch.zeros(2)}, {"edgesB": torch.zeros_like(photos)}
    first = stepped(method, Batch(photos, photos + 1, draws, INIT, extra))
    assert first == pytest.approx({"generators/content": content}, rel=1e-5)
    expected = {
        "discriminators/real": 4.0,  # (3 - 1)^2
        "discriminators/edges": 9.0,
        "discriminators/fake": 9.0,
        "generators/adversarial": 4.0,
        "generators/content": content,
    }
    assert stepped(method, Batch(photos, photos + 1, draws, MAIN, extra)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("weight", "term"),
    [
        ("adversarial_weight", "generators/adversarial"),
        ("content_weight", "generators/content"),
        ("edge_weight", "discriminators/edges"),
    ],
)
def test_a_weight_scales_its_own_loss_and_no_other(weight: str, term: str) -> None:
    losses = []
    for factor in (1.0, 3.0):
        torch.manual_seed(0)
        method = tiny(lr=1e-20)
        method.config = method.config.model_copy(update={weight: factor * getattr(method.config, weight)})
        losses.append(stepped(method, batch_of(method)))
    ratios = {name: losses[1][name] / losses[0][name] for name in losses[0]}
    assert ratios == pytest.approx({name: 3 if name == term else 1 for name in ratios}, rel=1e-5)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (INIT, {"content": {"generator"}}),
        (
            MAIN,
            {
                **{term: {"discriminator"} for term in ("real", "edges", "fake")},
                **{term: {"generator"} for term in ("adversarial", "content")},
            },
        ),
    ],
)
def test_a_loss_reaches_the_network_that_it_should(step: int, expected: dict[str, set[str]]) -> None:
    method = tiny()
    reached: dict[str, set[str]] = {}

    class Watched(Phases):
        def _update(self, optimizers: Any, name: str, terms: dict[str, Tensor]) -> None:
            learning = {key: p for key, p in method.named_parameters() if p.requires_grad}
            for term, value in terms.items():
                parts = torch.autograd.grad(value, list(learning.values()), allow_unused=True, retain_graph=True)
                pairs = zip(learning, parts, strict=True)
                reached[term] = {key.split(".")[0] for key, part in pairs if part is not None and part.any()}
            super()._update(optimizers, name, terms)

    method.step(batch_of(method, step), Watched(build_optimizers(method)))
    assert reached == expected


def test_in_the_first_steps_the_generator_alone_changes() -> None:
    method = tiny()
    before = {key: tensor.clone() for key, tensor in method.state_dict().items()}
    stepped(method, batch_of(method, INIT))
    changed = {key.split(".")[0] for key, tensor in method.state_dict().items() if not tensor.equal(before[key])}
    assert changed == {"generator"}
    stepped(method, batch_of(method, MAIN))
    changed = {key.split(".")[0] for key, tensor in method.state_dict().items() if not tensor.equal(before[key])}
    assert changed == {"generator", "discriminator", "pool"}


def test_the_discriminator_sees_cartoons_smoothed_ones_and_pooled_fakes_then_the_new_fakes_again() -> None:
    method = tiny(pool_size=1, init_lr=1e-20, lr=1e-20)
    seen: list[Tensor] = []
    method.discriminator.register_forward_pre_hook(lambda _module, images: seen.append(images[0].detach()))
    fakes = []
    for _ in range(2):
        batch = batch_of(method)
        batch.draws["pool"].fill_(0.9)  # the second batch is exchanged for the first one
        stepped(method, batch)
        with torch.no_grad():
            fakes.append(method.generator(batch.a))
        expected = torch.cat((batch.b, batch.extra["edgesB"], fakes[0]))
        torch.testing.assert_close(seen[-2], expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(seen[-1], fakes[-1], rtol=0, atol=1e-6)
    assert len(seen) == 4


def test_the_generator_meets_the_discriminator_that_the_step_has_updated() -> None:
    losses = []
    for lr in (1e-20, 1e-2):
        torch.manual_seed(0)
        method = tiny(lr=lr).double()
        losses.append(stepped(method, batch_of(method, dtype=torch.float64)))
    moved = {term for term in losses[0] if abs(losses[0][term] - losses[1][term]) > 1e-9}
    assert moved == {"generators/adversarial"}


def test_a_photo_is_translated_once_in_a_step_and_its_features_pass_no_gradient() -> None:
    method = tiny()
    calls: list[bool] = []
    method.generator.register_forward_pre_hook(lambda _module, _images: calls.append(True))
    needed: list[bool] = []
    method.random_network.register_forward_pre_hook(lambda _module, images: needed.append(images[0].requires_grad))
    stepped(method, batch_of(method))
    assert calls == [True]
    assert needed == [False, True]
