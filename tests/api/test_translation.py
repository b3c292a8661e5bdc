"""Translations in Python have the sizes, samples and styles of `ugbench translate`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from commands import call
from drawn_images import patches
from PIL import Image, ImageChops
from styled_method import styled_is_installed

import ugbench
from ugbench.errors import DataError, UsageError

DIAL = "dial:shape=0,texture=1,size=32,train=4,test=3"
SHAPES = [(40, 33), (64, 64), (50, 70)]


@pytest.fixture(scope="module")
def styled(home: Path) -> Iterator[ugbench.Run]:
    """A run of a method with a style, which stays installed."""
    with styled_is_installed():
        yield ugbench.train("styled", DIAL, preset="smoke", steps=1, device="cpu", progress=False)


@pytest.fixture(scope="module")
def light(home: Path) -> ugbench.Run:
    """A run whose networks take images of any size, with attention maps."""
    options = {"preset": "smoke", "size": 32, "steps": 1, "device": "cpu", "progress": False}
    return ugbench.train("ugatit", DIAL, set={"light": True}, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of the sizes SHAPES."""
    (tmp_path / "in").mkdir()
    for seed, shape in enumerate(SHAPES):
        patches(seed, shape).save(tmp_path / "in" / f"{seed}.png")
    return tmp_path / "in"


def same(first: Image.Image, second: Image.Image) -> bool:
    return first.size == second.size and ImageChops.difference(first, second).getbbox() is None


def written(folder: Path) -> list[Image.Image]:
    return [Image.open(file) for file in sorted(folder.glob("*.png"))]


def test_several_devices_give_the_outputs_and_overlays_of_one(light: ugbench.Run, folder: Path) -> None:
    options = {"attention": True, "batch_size": 1, "progress": False}
    single, double = (light.translate(folder, device=devices, **options) for devices in ("cpu", "cpu,cpu"))
    assert all(map(same, single, double))
    overlays = ([output.info["attention"]["generator"] for output in outputs] for outputs in (single, double))
    assert all(map(same, *overlays))
    with pytest.raises(UsageError, match="device cuda:9"):
        light.translate(folder, device="cpu,cuda:9", progress=False)


def test_native_size_is_that_of_the_command_with_overlays_of_that_size(
    light: ugbench.Run, folder: Path, tmp_path: Path
) -> None:
    words = ["--input", folder, "--output", tmp_path / "out", "--native-size", "--attention", "--device", "cpu"]
    call("translate", light.path, *words)
    outputs = light.translate(folder, attention=True, native_size=True, device="cpu", progress=False)
    assert [output.size for output in outputs] == SHAPES
    assert all(map(same, outputs, written(tmp_path / "out")))
    overlays = [output.info["attention"]["generator"] for output in outputs]
    assert all(map(same, overlays, written(tmp_path / "out" / "attention")))


def test_samples_are_those_of_the_command_and_those_of_an_image_stand_together(
    styled: ugbench.Run, folder: Path, tmp_path: Path
) -> None:
    words = ["--input", folder, "--output", tmp_path / "out", "--samples", "2", "--seed", "5", "--device", "cpu"]
    call("translate", styled.path, *words)
    outputs = styled.translate(folder, samples=2, seed=5, batch_size=2, device="cpu", progress=False)
    assert len(outputs) == 6 and all(map(same, outputs, written(tmp_path / "out")))
    assert not same(outputs[0], outputs[1])
    plain = styled.translate(folder, device="cpu", progress=False)
    assert not same(plain[0], outputs[0])


def test_a_style_is_an_image_in_any_form(styled: ugbench.Run, folder: Path, tmp_path: Path) -> None:
    example = tmp_path / "example.png"
    patches(9, (20, 30)).save(example)
    call("translate", styled.path, "--input", folder, "--output", tmp_path / "out", "--style", example)
    for style in (example, str(example), Image.open(example), np.array(Image.open(example))):
        assert all(map(same, styled.translate(folder, style=style, progress=False), written(tmp_path / "out")))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"samples": 2, "style": Image.new("RGB", (8, 8))}, UsageError, "^style gives all outputs one style, so samp"),
        ({"samples": 0}, UsageError, "^samples=0: give a whole number of 1 or more"),
        ({"seed": -1}, UsageError, "^seed=-1: give a whole number of 0 or more"),
        ({"style": "gone.png"}, DataError, "^gone.png: not a readable image"),
        ({"style": 5}, UsageError, "^style: int was given"),
        ({"native_size": True, "keep_size": True}, UsageError, "^native_size gives .* so keep_size has no effect"),
    ],
)
def test_arguments_that_exclude_each_other_or_are_wrong_are_named(
    styled: ugbench.Run, folder: Path, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        styled.translate(folder, progress=False, **arguments)  # type: ignore[arg-type]


def test_what_a_method_cannot_do_is_named(run: ugbench.Run, train: Callable[..., ugbench.Run], folder: Path) -> None:
    full = train(set={"light": False})
    with pytest.raises(UsageError, match=r"^native_size: ugatit translates images of one size only"):
        full.translate(folder, native_size=True, progress=False)
    with pytest.raises(UsageError, match=r"^samples 2: ugatit makes one output for each image; leave it out"):
        run.translate(folder, samples=2, progress=False)
