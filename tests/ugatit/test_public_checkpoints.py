"""Converted checkpoints of the authors' PyTorch code give the same images as that code, for both of its revisions."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ugatit.method import UGATIT
from ugbench.method import ConfigError, UsageError

Networks = dict[str, dict[str, Tensor]]
SIZE, CHANNELS, BLOCKS, DEPTHS = 32, 4, 2, (3, 2)
EARLY = {None: False, "2019-08": False, "2019-07": True}


@pytest.fixture(scope="module")
def plain() -> dict[str, Callable[..., Any]]:
    """The public code's forward pass and a checkpoint of its form, written from its key names."""
    return runpy.run_path(str(Path(__file__).with_name("public_forward.py")))


@pytest.fixture(params=[True, False], ids=["light", "full"])
def light(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def published(plain, light) -> Networks:
    torch.manual_seed(3)
    return plain["checkpoint"](SIZE, CHANNELS, BLOCKS, light, DEPTHS)


def translate(published: Networks, revision: str | None, x: Tensor, direction: str, dtype=torch.float64) -> Tensor:
    config, state = UGATIT.load_public_checkpoint(published, revision)
    # A light model's size is not in its tensors.
    method = UGATIT(config.model_copy(update={"size": SIZE})).to(dtype)
    method.load_state_dict(state)
    with torch.no_grad():
        return method.eval().translate(x.to(dtype), direction)


@pytest.mark.parametrize("revision", EARLY)
@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_a_generator_gives_what_the_public_code_of_its_time_gave(published, plain, light, images, revision, direction):
    x = images(size=SIZE)[0]
    expected = plain["generator"](published[f"gen{direction}"], x, blocks=BLOCKS, light=light, early=EARLY[revision])
    assert expected.std() > 0.1
    torch.testing.assert_close(translate(published, revision, x, direction), expected, atol=1e-9, rtol=0)
    single = translate(published, revision, x, direction, torch.float32)
    torch.testing.assert_close(single.double(), expected, atol=1e-4, rtol=0)


def test_the_two_revisions_give_very_different_images(published, images):
    x = images(size=SIZE)[0]
    early, late = (translate(published, revision, x, "A2B") for revision in ("2019-07", "2019-08"))
    assert (early - late).abs().mean() > 0.01


def test_sizes_are_read_from_the_tensors_and_the_revision_is_in_the_config(published, light):
    for revision, fields in (
        (None, (True, "unbiased")),
        ("2019-08", (True, "unbiased")),
        ("2019-07", (False, "nested")),
    ):
        config, _ = UGATIT.load_public_checkpoint(published, revision)
        assert (config.decoder_skip, config.variance) == fields
        assert (config.size, config.channels, config.blocks) == (256 if light else SIZE, CHANNELS, BLOCKS)
        assert (config.light, config.global_depth, config.local_depth) == (light, *DEPTHS)
    assert UGATIT.revisions == ("2019-08", "2019-07")


def test_a_file_by_its_name_is_read_as_its_content_is(published):
    _, state = UGATIT.load_public_checkpoint(published)
    _, named = UGATIT.load_public_checkpoint({"selfie2anime_params_0500000.pt": published})
    assert named.keys() == state.keys()


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "params", "generator"])
def test_a_wrapped_file_with_prefixed_keys_is_read_as_the_plain_one(published, wrapper):
    config, expected = UGATIT.load_public_checkpoint(published)
    networks = {name: {f"module.{key}": tensor for key, tensor in state.items()} for name, state in published.items()}
    assert UGATIT.load_public_checkpoint({wrapper: networks, "iter": 3})[0] == config
    _, state = UGATIT.load_public_checkpoint({wrapper: networks, "iter": 3})
    assert state.keys() == expected.keys()
    assert all(tensor.equal(expected[key]) for key, tensor in state.items())


def test_generators_alone_are_read_without_the_discriminators(published):
    config, state = UGATIT.load_public_checkpoint({name: published[name] for name in ("genB2A", "genA2B")})
    whole_config, whole = UGATIT.load_public_checkpoint(published)
    assert {name.split(".")[0] for name in state} == {"generator_a2b", "generator_b2a"}
    assert all(tensor.equal(whole[name]) for name, tensor in state.items())
    of_discriminators = {"discriminator_channels", "global_depth", "local_depth"}
    assert config.model_dump(exclude=of_discriminators) == whole_config.model_dump(exclude=of_discriminators)


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_a_single_generator_translates_in_the_direction_that_is_given(published, direction):
    name = f"generator_{direction.lower()}"
    weights = published[f"gen{direction}"]
    _, whole = UGATIT.load_public_checkpoint(published)
    for content in (weights, {"best.pt": weights}, {"state_dict": weights, "epoch": 1}, {f"gen{direction}": weights}):
        _, state = UGATIT.load_public_checkpoint(content, direction=direction)
        assert {key.split(".")[0] for key in state} == {name}
        assert all(tensor.equal(whole[key]) for key, tensor in state.items())


def test_a_single_generator_by_its_name_is_not_taken_for_the_other_one(published):
    with pytest.raises(UsageError, match="holds genB2A alone; give --direction B2A"):
        UGATIT.load_public_checkpoint({"genB2A": published["genB2A"]})
    with pytest.raises(UsageError, match="holds genA2B alone; give --direction A2B"):
        UGATIT.load_public_checkpoint({"genA2B": published["genA2B"]}, direction="B2A")


def test_some_of_the_discriminators_are_not_enough(published):
    del published["disLB"]
    with pytest.raises(UsageError, match="lacks disLB; the published ones hold"):
        UGATIT.load_public_checkpoint(published)


def test_the_error_for_another_file_says_what_was_expected_and_what_was_found():
    with pytest.raises(UsageError, match=r"lacks genA2B, .* hold genA2B, .*, and this one model, optimizer\."):
        UGATIT.load_public_checkpoint({"model": {}, "optimizer": {}})


def test_the_first_weeks_checkpoints_are_refused_by_their_key(published):
    """Before 2019-08-07 there was no ReLU between the gamma/beta layers, so the second was FC.1."""
    published["genA2B"]["FC.1.weight"] = published["genA2B"].pop("FC.2.weight")
    with pytest.raises(UsageError, match=r"genA2B lacks FC\.2\.weight"):
        UGATIT.load_public_checkpoint(published)


def test_the_error_for_an_unknown_revision_lists_the_known_ones(published):
    with pytest.raises(UsageError, match="--revision 2019-06: ugatit reads 2019-08 and 2019-07"):
        UGATIT.load_public_checkpoint(published, "2019-06")


def test_nested_variances_need_layer_norm():
    with pytest.raises(ConfigError, match=r"variance: 'nested' .* norm=layer"):
        UGATIT.make_config("smoke", "gn", {"variance": "nested"})
