"""The size in a method's config: squares as they always were, rectangles as [width, height]."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar

import pytest

from ugbench import registry
from ugbench.errors import ConfigError
from ugbench.method import MethodConfig, Size, sides

OURS = ("aggan", "cartoongan", "cut", "cyclegan", "drit", "munit", "ugatit", "unit")


class Squares(MethodConfig):
    """As a method of somebody else may have it."""

    size: int = 64


class Even(MethodConfig):
    size: Annotated[Size, sides(least=8, multiple_of=2)] = 64
    PRESETS: ClassVar[Any] = {}


def made(config: type[MethodConfig], size: object) -> MethodConfig:
    return config.model_validate({"size": size})


@pytest.mark.parametrize("name", OURS)
def test_a_square_is_a_number_however_it_is_given(name: str) -> None:
    method = registry.load_method(name)
    squares = [method.make_config("smoke", None, {"size": size}) for size in (32, "32", "32x32", (32, 32), [32, 32])]
    assert {config.model_dump_json() for config in squares} == {squares[0].model_dump_json()}
    assert squares[0].size == 32 and squares[0].image_shape == (32, 32)
    assert '"size":32,' in squares[0].model_dump_json()


@pytest.mark.parametrize("name", OURS)
def test_a_rectangle_is_a_list_of_width_and_height_and_comes_back_from_it(name: str) -> None:
    method = registry.load_method(name)
    config = method.make_config("smoke", None, {"size": "32x64"})
    assert (config.size, config.image_shape) == ((32, 64), (64, 32))
    assert config.model_dump()["size"] == json.loads(config.model_dump_json())["size"] == [32, 64]
    assert method.Config(**config.model_dump()) == config
    assert config == method.make_config("smoke", None, {"size": (32, 64)})
    assert config != method.make_config("smoke", None, {"size": (64, 32)})


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("size", ["32x30", "30x32", "4x32", "32x4"])
def test_a_side_that_the_networks_cannot_take_is_one_sentence(name: str, size: str) -> None:
    for given in (size, tuple(map(int, size.split("x")))):
        with pytest.raises(ConfigError) as error:
            registry.load_method(name).make_config("smoke", None, {"size": given})
        assert f"size: {size} was given; width and height are multiples of 4 and at least " in str(error.value)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("size", ["0x5", "128x", "axb", (64,), 0, 2**20])
def test_what_is_no_size_is_one_sentence(name: str, size: object) -> None:
    with pytest.raises(ConfigError, match=r"^size: .* was given; give px from 1 to 65,536: .* as in 128x256\.$"):
        registry.load_method(name).make_config("smoke", None, {"size": size})


def test_training_images_are_larger_than_their_crops_by_the_zoom() -> None:
    assert MethodConfig(size=64).training_size == 72
    assert MethodConfig(size=64, zoom=1).training_size == 64
    assert MethodConfig(size=(64, 32), zoom=1.5).training_size == (96, 48)


@pytest.mark.parametrize("zoom", [0.99, 4.01, "wide", None])
def test_a_zoom_that_leaves_nothing_to_crop_or_is_no_number_is_refused(zoom: object) -> None:
    with pytest.raises(ConfigError, match=r"^zoom: .* was given; "):
        registry.load_method("cyclegan").make_config("smoke", None, {"zoom": zoom})


def test_a_config_with_a_size_of_type_int_takes_squares_only() -> None:
    assert [made(Squares, size).size for size in (32, "32", "32x32")] == [32, 32, 32]
    assert Squares.takes_squares_only() and not Even.takes_squares_only() and not MethodConfig.takes_squares_only()
    with pytest.raises(ValueError, match="the images of this method are squares; give one number"):
        made(Squares, "32x64")


def test_sides_are_the_demand_of_a_method_on_squares_and_rectangles() -> None:
    assert [made(Even, size).size for size in (8, "10x8")] == [8, (10, 8)]
    for size in (9, 6):
        with pytest.raises(ValueError, match="a size is a multiple of 2 and at least 8 px"):
            made(Even, size)
    for size in ("9x8", "8x9", "6x8", "8x6"):
        with pytest.raises(ValueError, match="width and height are multiples of 2 and at least 8 px"):
            made(Even, size)


@pytest.mark.parametrize(
    ("name", "size", "field", "value"),
    [
        ("cyclegan", "256x512", "blocks", 9),
        ("cyclegan", "252x512", "blocks", 6),
        ("cyclegan", "512x252", "blocks", 6),
        ("unit", "32x512", "scales", 2),
        ("unit", "512x32", "scales", 2),
        ("ugatit", "64x512", "global_depth", 4),
        ("ugatit", "512x64", "global_depth", 4),
        ("ugatit", "16x512", "local_depth", 2),
    ],
)
def test_the_shorter_side_decides_how_deep_networks_can_be(name: str, size: str, field: str, value: int) -> None:
    config = registry.load_method(name).make_config("paper", None, {"size": size})
    assert getattr(config, field) == value


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("unit", {"size": "32x64", "scales": 3}, "scales: 3 was given; at size=32x64 it is at most 2"),
        ("ugatit", {"size": "64x96", "global_depth": 5}, "images of 64x96 px allow at most 4 stride-2 layers"),
    ],
)
def test_networks_that_are_too_deep_for_a_rectangle_are_refused(
    name: str, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        registry.load_method(name).make_config("paper", None, fields)


def test_the_text_null_is_none_where_a_field_may_be_none() -> None:
    method = registry.load_method("cyclegan")
    assert method.make_config("smoke", None, {"blocks": "null"}) == method.make_config("smoke", None, {"blocks": None})
    assert method.make_config("smoke", None, {"steps": "null", "epochs": 3}).resolved(8, 8).steps == 6
    with pytest.raises(ConfigError, match="channels: 'null' was given; Input should be a valid integer"):
        method.make_config("smoke", None, {"channels": "null"})


def test_an_augmentation_is_refused_by_a_method_that_does_not_follow_it() -> None:
    assert registry.load_method("cut").make_config("smoke", None, {"augmentation": "cutout"}).augmentation == "cutout"
    with pytest.raises(ConfigError, match=r"^augmentation: 'shift' was given; this method does not change what"):
        registry.load_method("cartoongan").make_config("smoke", None, {"augmentation": "shift"})
