"""With --native-size images are translated at their own size, by methods whose networks take any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call, call_json
from drawn_images import make_data_set, patches

from ugbench.data.images import read_image, read_size
from ugbench.data.tensors import to_float, to_tensor, to_uint8
from ugbench.inference.native_size import cut_back, mirrored
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
