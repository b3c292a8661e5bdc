"""The class of a method says what it is; an attribute that cannot be what it is, is named."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from toy_runs import Toy, ToyConfig

from ugbench.errors import ConfigError, UnknownName, UsageError
from ugbench.method import Draw, Group, Method, MethodConfig
from ugbench.method_class import class_fault


class WithoutDefault(MethodConfig):
    width: int


def changed(**attributes: Any) -> type[Method]:
    """The toy method with other class attributes."""
    return type("Changed", (Toy,), attributes)


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"Config": None}, "Config is missing, or is no subclass of MethodConfig"),
        ({"Config": WithoutDefault}, "the field width of WithoutDefault has no default; give it one"),
        ({"PRESETS": {}}, "PRESETS is missing or empty; each method has paper and smoke"),
        ({"PRESETS": {"paper": 3, "smoke": {}}}, "PRESETS is no dict of dicts: the config fields of each name"),
        ({"VARIANTS": {"big": {"width": 3}}}, "VARIANTS['big'] has width, which is no field of ToyConfig"),
        ({"period": 0}, "period is 0; it is a whole number of 1 or more"),
        ({"style_dim": -1}, "style_dim is -1; it is a whole number of 0 or more"),
        ({"paired": "yes"}, "paired is 'yes'; it is True or False"),
        ({"directions": ("A2B")}, "directions is 'A2B'; it is a tuple of A2B and B2A, or of one of them"),
        ({"directions": ("AtoB",)}, "directions is ('AtoB',); it is a tuple of A2B and B2A, or of one of them"),
        ({"directions": ()}, "directions is (); it is a tuple of A2B and B2A, or of one of them"),
        ({"splits": "edgesB"}, "splits is 'edgesB'; it is a tuple of names, as in ('edges',)"),
        ({"optional_weights": "vgg"}, "optional_weights is 'vgg'; it is a tuple of names, as in ('edges',)"),
        (
            {"frozen": ("vgg",)},
            "frozen is ('vgg',); it is a dict from the attribute of a network to its name for --weights",
        ),
        (
            {"variant_titles": ("Big",)},
            "variant_titles is ('Big',); it is a dict from a variant's name to its display name",
        ),
        ({"variant_titles": {"big": "Toy XL"}}, "variant_titles has big, which is not in VARIANTS"),
    ],
)
def test_an_attribute_that_cannot_be_what_it_is_is_named(attributes: dict[str, Any], fault: str) -> None:
    assert class_fault(changed(**attributes)) == fault


class Counted(Toy):
    PRESETS: ClassVar[Any] = {"paper": {"epochs": 5}, "smoke": {"steps": 4}}


@pytest.mark.parametrize("epochs", [3, "3"])
def test_epochs_that_are_asked_for_replace_the_steps_of_a_preset(epochs: object) -> None:
    config = Counted.make_config("smoke", overrides={"epochs": epochs})
    assert (config.steps, config.epochs) == (None, 3)
    assert config.resolved(10, 20).steps == 60
    assert Counted.make_config("paper", overrides={"epochs": 3}).resolved(10, 20).steps == 60
    assert Counted.make_config("paper", overrides={"steps": 7}).resolved(10, 20).steps == 7


def test_steps_and_epochs_are_not_asked_for_together() -> None:
    with pytest.raises(ConfigError, match=r"^steps is 7 and epochs is 3; give one of them\.$"):
        Counted.make_config("smoke", overrides={"steps": 7, "epochs": 3})


@pytest.mark.parametrize(("given", "meant"), [("CUT", "cut"), ("UGATIT", "ugatit"), ("CycleGan", "cyclegan")])
def test_a_name_in_other_letters_is_suggested_as_it_is_written(given: str, meant: str) -> None:
    assert f"did you mean '{meant}'?" in str(UnknownName("method", given, ["cut", "cyclegan", "ugatit"]))
    assert "did you mean 'Ugatit'?" in str(UnknownName("method", "ugatti", ["Ugatit"]))


def test_a_method_that_lacks_functions_is_refused() -> None:
    class Unfinished(Method):
        Config = ToyConfig
        PRESETS: ClassVar = {"paper": {}, "smoke": {}}

    assert class_fault(Unfinished) == "it does not define groups, inference, step, translate"


def test_a_complete_class_is_accepted() -> None:
    complete = changed(period=3, style_dim=8, paired=True, splits=("edgesB",), frozen={"vgg": "vgg"})
    assert class_fault(complete) is None


def test_a_draw_is_of_a_known_kind_with_a_tuple_of_sides() -> None:
    with pytest.raises(UnknownName, match="no kind of draw is called 'gauss'"):
        Draw("gauss")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="no 'per' of a draw is called 'batch'"):
        Draw("normal", (), "batch")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"the shape of a draw is 4; it is a tuple of whole numbers, as in \(8,\)\."):
        Draw("normal", 4)  # type: ignore[arg-type]


def test_a_group_takes_parameters_from_any_iterable_and_a_rate_that_is_not_negative() -> None:
    toy = Toy(ToyConfig())
    assert Group(toy.generator.parameters(), 0.1).parameters == tuple(toy.generator.parameters())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"the learning rate of a group is -0\.1; it is 0 or more\."):
        Group(tuple(toy.parameters()), -0.1)
