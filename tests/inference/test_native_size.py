"""With --native-size images are translated at their own size, by methods whose networks take any size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from commands import call, call_json
from drawn_images import make_data_set, patches
from PIL import Image

from ugbench.data.images import read_image, read_size
from ugbench.data.tensors import to_float, to_tensor, to_uint8
from ugbench.inference.native_size import cut_back, mirrored
from ugbench.inference.styles import DRAWN
from ugbench.inference.translate import load
from ugbench.runs.run import read_run

SHAPES = [(50, 37), (64, 40), (9, 70)]
WORDS = ("--preset", "smoke", "--size", 32, "--steps", 1, "--batch-size", 1, "--device", "cpu", "--precision", "fp32")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for seed, shape in enumerate(SHAPES):
        patches(seed, shape).save(tmp_path / "in" / f"{seed}.png")
    return tmp_path / "in"


def train(home: Path, *words: object) -> Path:
    data = make_data_set(home / "cats", trainA=2, trainB=2, testA=1, testB=1)
    return Path(call_json("train", *words, "--dataset", data, "--results", home / "results", *WORDS)["run"])


def test_an_image_is_mirrored_on_the_right_and_below_to_sides_that_networks_take() -> None:
    image = patches(0, (50, 37))
    pixels, larger = np.asarray(image), np.asarray(mirrored(image))
    assert larger.shape == (40, 52, 3)
    assert (larger[:37, :50] == pixels).all() and (larger[:37, 50] == pixels[:, 48]).all()
    assert (larger[37, :50] == pixels[35]).all()
    assert cut_back(mirrored(image), image.size).tobytes() == image.tobytes()
    assert mirrored(patches(0, (64, 40))).size == (64, 40) and mirrored(patches(0, (3, 1))).size == (32, 32)


def test_each_output_is_that_of_the_whole_image_at_its_own_size(source: Path, tmp_path: Path) -> None:
    run = train(tmp_path, "cyclegan")
    call("translate", run, "--input", source, "--output", tmp_path / "out", "--native-size", "--device", "cpu")
    method, _ = load(read_run(run), torch.device("cpu"))
    for seed, shape in enumerate(SHAPES):
        output = read_image(tmp_path / "out" / f"{seed}.png")
        image = to_float(to_tensor(mirrored(patches(seed, shape)))[None])
        expected = to_uint8(method.translate(image, "A2B"))[0, :, : shape[1], : shape[0]]
        assert output.size == shape and to_tensor(output).equal(expected)
    both = call("translate", run, "--input", source, "--output", tmp_path / "o", "--native-size", "--keep-size", code=2)
    assert "--keep-size has no effect" in both.stderr


def test_a_full_ugatit_refuses_with_the_reason_and_a_light_one_translates(source: Path, tmp_path: Path) -> None:
    full, light = (train(tmp_path / name, "ugatit", "--set", f"light={name == 'light'}") for name in ("full", "light"))
    words = ("--input", source, "--output", tmp_path / "out", "--native-size", "--device", "cpu")
    message = call("translate", full, *words, code=2).stderr
    assert "translates images of one size only" in message and "built for 32 px" in message
    assert not (tmp_path / "out").exists()
    call("translate", light, *words, "--attention")
    assert [read_size(tmp_path / "out" / f"{seed}.png") for seed in range(3)] == SHAPES
    assert read_size(tmp_path / "out/attention/0.png") == SHAPES[0]


def test_with_a_short_side_whole_images_are_resized_and_then_translated(source: Path, tmp_path: Path) -> None:
    run = train(tmp_path, "munit", "--set", "blocks=1")
    words = ("--input", source, "--output", tmp_path / "out", "--short-side", 40, "--device", "cpu")
    report = call_json("translate", run, *words)
    assert (report["short_side"], report["images"]) == (40, 3)
    assert json.loads((tmp_path / "out" / "translation.json").read_text())["short_side"] == 40
    # 40 * 50 / 37 = 54.05, 40 * 64 / 40 and 40 * 70 / 9 = 311.1, as torchvision's Resize(40) rounds them.
    shapes = [(54, 40), (64, 40), (40, 311)]
    method, _ = load(read_run(run), torch.device("cpu"))
    for seed, shape in enumerate(shapes):
        resized = patches(seed, SHAPES[seed]).resize(shape, Image.Resampling.BILINEAR)
        styles = DRAWN.of_images(method, [seed])
        assert styles is not None
        image = to_float(to_tensor(mirrored(resized))[None])
        expected = to_uint8(method.translate(image, "A2B", styles[:, 0]))[0, :, : shape[1], : shape[0]]
        output = read_image(tmp_path / "out" / f"{seed}.png")
        assert output.size == shape and to_tensor(output).equal(expected)
    assert [torchvision.transforms.Resize(40)(patches(0, shape)).size for shape in SHAPES] == shapes


@pytest.mark.parametrize("other", ["--native-size", "--keep-size"])
def test_a_short_side_with_another_size_of_outputs_is_refused(other: str, tmp_path: Path) -> None:
    words = ("--input", tmp_path, "--output", tmp_path, "--short-side", 40, other)
    message = call("translate", "a", *words, code=2).stderr
    assert message == f"error: --short-side 40 and {other} ask for outputs of two sizes; leave one out.\n"
