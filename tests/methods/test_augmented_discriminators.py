"""Methods with an augmentation: their discriminators see changed images in each phase, and their generators none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from method_cases import build
from torch import Tensor

from ugbench.contract.small_methods import phases_of, random_batch
from ugbench.method import Batch, Method
from ugbench.training.step import train_step

# How the names of the discriminators begin.
METHODS = dict.fromkeys(("cyclegan", "cut", "unit"), ("discriminator",)) | {"ugatit": ("local", "global")}


def stepped(name: str, augmentation: str, numbers: float, hook: Any = None) -> Method:
    """A small method after one step in which all numbers of the augmentation are this one."""
    torch.manual_seed(0)
    method = build(name, None, augmentation=augmentation, size=32)
    for part, network in method.named_children():
        if hook is not None:
            network.register_forward_pre_hook(lambda _network, inputs, part=part: hook(part, inputs[0]))
    torch.manual_seed(1)
    batch = random_batch(build(name, None, size=32))
    augmenting = {key: draw for key, draw in method.draws().items() if key.startswith("augment_")}
    draws = batch.draws | {key: torch.full(draw.shape_for(2), numbers) for key, draw in augmenting.items()}
    train_step(method, phases_of(method), Batch(batch.a, batch.b, draws, 0, batch.extra))
    return method


def is_discriminator(name: str, part: str) -> bool:
    return part.startswith(METHODS[name])


def centre_is_empty(images: Tensor) -> bool:
    return images.shape[1] == 3 and not images[..., 8:24, 8:24].any()


@pytest.mark.parametrize("name", METHODS)
def test_each_discriminator_sees_holes_in_both_phases_and_no_other_network_does(name: str) -> None:
    calls: dict[str, list[bool]] = {}

    def note(part: str, images: object) -> None:
        if isinstance(images, Tensor):
            calls.setdefault(part, []).append(centre_is_empty(images))

    method = stepped(name, "cutout", 0.5, note)
    discriminators = [part for part, _ in method.named_children() if is_discriminator(name, part)]
    assert discriminators
    assert {part: calls[part] for part in discriminators} == {part: [True, True] for part in discriminators}
    others: Mapping[str, list[bool]] = {part: seen for part, seen in calls.items() if part not in discriminators}
    assert others and not any(any(seen) for seen in others.values())


@pytest.mark.parametrize("name", METHODS)
def test_a_step_without_a_shift_has_the_bits_of_a_step_without_augmentation(name: str) -> None:
    plain, unmoved, moved = stepped(name, "none", 0), stepped(name, "shift", 0.5), stepped(name, "shift", 0.0)
    assert all(tensor.equal(unmoved.state_dict()[key]) for key, tensor in plain.state_dict().items())
    assert not all(tensor.equal(moved.state_dict()[key]) for key, tensor in plain.state_dict().items())


@pytest.mark.parametrize("name", METHODS)
def test_fakes_and_reals_have_numbers_of_their_own(name: str) -> None:
    method = build(name, None, augmentation="cutout")
    discriminators = [part for part, _ in method.named_children() if is_discriminator(name, part)]
    augmenting = [key for key in method.draws() if key.startswith("augment_")]
    assert len(augmenting) == 3 * len(discriminators), "reals, fakes of the discriminators, fakes of the generators"
