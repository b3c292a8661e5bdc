"""Generators that halve the size once work on features of half the size, twice as wide as their first layer."""

from __future__ import annotations

import pytest
import torch
from method_cases import build
from torch import nn

from ugbench import registry
from ugbench.contract.small_methods import phases_of, random_batch
from ugbench.errors import UsageError
from ugbench.training.step import train_step

METHODS = [name for name in registry.modules("methods") if "halvings" in registry.load_method(name).Config.model_fields]
BLOCKS = ("ResidualBlock", "AdaptiveBlock")


def test_the_methods_of_the_preset_small_have_the_field() -> None:
    with_small = {name for name in registry.modules("methods") if "small" in registry.load_method(name).PRESETS}
    assert set(METHODS) == with_small >= {"ugatit", "cyclegan", "unit", "cut"}


@pytest.mark.parametrize(("halvings", "shape"), [(1, (8, 16, 24)), (2, (16, 8, 12))])
@pytest.mark.parametrize("name", METHODS)
def test_residual_blocks_see_features_of_this_width_and_size(
    name: str, halvings: int, shape: tuple[int, int, int]
) -> None:
    fields = {"light": True} if name == "ugatit" else {}
    method = build(name, None, size=(48, 32), channels=4, halvings=halvings, **fields)
    seen = set()

    def note(_block: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.add(tuple(inputs[0].shape[1:]))

    for module in method.modules():
        if type(module).__name__ in BLOCKS:
            module.register_forward_pre_hook(note)
    for direction in method.directions:
        translated = method.translate(torch.rand(1, 3, 32, 48), direction)
        assert translated.shape == (1, 3, 32, 48)
    assert seen == {shape}


@pytest.mark.parametrize("name", METHODS)
def test_all_weights_of_generators_that_halve_once_are_trained(name: str) -> None:
    torch.manual_seed(0)
    method = build(name, None, halvings=1)
    before = {key: parameter.detach().clone() for key, parameter in method.named_parameters()}
    train_step(method, phases_of(method), random_batch(method))
    same = [key for key, parameter in method.named_parameters() if parameter.equal(before[key])]
    # rho is clipped to its range, at whose end it begins; the gradient of a bias before a norm may be 0.
    assert [key for key in same if not key.endswith((".rho", ".bias"))] == []


def test_a_full_ugatit_says_for_which_size_it_was_built() -> None:
    method = build("ugatit", None, size=(48, 32), halvings=1, light=False)
    assert method.translate(torch.rand(1, 3, 32, 48), "A2B").shape == (1, 3, 32, 48)
    with pytest.raises(UsageError, match=r"built for 48x32 px was given 32: "):
        method.translate(torch.rand(1, 3, 32, 32), "A2B")


def test_a_step_of_cut_compares_patches_of_the_layer_before_its_one_halving_and_of_its_blocks() -> None:
    method = build("cut", None, halvings=1, blocks=3)
    assert method.nce_layers == (0, 4, 8, 10)
    names = [type(method.generator[layer]).__name__ for layer in method.nce_layers]
    assert names == ["ReflectionPad", "Conv2d", "ResidualBlock", "ResidualBlock"]
