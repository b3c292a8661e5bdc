"""`--device` with several names: scores, features and what is made for them are those of one device."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call, call_json
from drawn_images import draw_noise

from ugbench.inference import image_files
from ugbench.inference.several_devices import on_all_devices
from ugbench.scoring import features

RANDOM = ("--extractor", "random")
IMAGES = 40  # two batches for features, five for translation


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in results/ without outputs, and its data set cats/."""
    home = tmp_path_factory.mktemp("devices")
    for seed, (split, count) in enumerate((("trainA", 20), ("trainB", 20), ("testA", IMAGES), ("testB", IMAGES))):
        draw_noise(home / "cats" / split, seed, count)
    words = ["--preset", "smoke", "--size", 32, "--steps", 2, "--batch-size", 1, "--save-every", 1, "--keep", "all"]
    words += ["--set", "channels=4", "--set", "discriminator_channels=4", "--set", "blocks=1", "--device", "cpu"]
    call("train", "cyclegan", "--dataset", home / "cats", "--results", home / "results", *words)
    return home


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was shared among how many devices, one after another: translations and features."""
    shared: list[tuple[str, int]] = []
    for what, module in (("translations", image_files), ("features", features)):

        def noted(copies: Sequence[Any], work: Iterable[Any], what: str = what) -> Generator[Any, None, None]:
            shared.append((what, len(copies)))
            return on_all_devices(copies, work)

        monkeypatch.setattr(module, "on_all_devices", noted)
    return shared


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("more", [(), ("--select", "validation")], ids=["last", "validation"])
def test_eval_has_the_scores_and_the_outputs_of_one_device(
    made: Path, tmp_path: Path, more: tuple[str, ...], shares: list[tuple[str, int]]
) -> None:
    printed = []
    for name, devices in (("single", "cpu"), ("double", "cpu,cpu")):
        shutil.copytree(made / "results", tmp_path / name)
        shares.clear()
        words = ["eval", "--metric", "kid,fid", *RANDOM, "--results", tmp_path / name, "--device", devices, *more]
        printed.append(call_json(*words, "--cache", tmp_path / f"{name}-cache"))
    assert printed[0] == printed[1] and len(printed[0]) == 4
    assert content(tmp_path / "single") == content(tmp_path / "double")
    assert content(tmp_path / "single-cache") == content(tmp_path / "double-cache")
    assert set(shares) == {("translations", 2), ("features", 2)}


def test_translate_gives_each_device_its_share(made: Path, tmp_path: Path, shares: list[tuple[str, int]]) -> None:
    run = next((made / "results").glob("*/*/*/config.json")).parent
    words = ["translate", run, "--input", made / "cats" / "testA", "--output", tmp_path / "out"]
    call(*words, "--device", "cpu,cpu,cpu")
    assert shares == [("translations", 3)]
    assert len(list((tmp_path / "out").glob("*.png"))) == IMAGES


def test_features_writes_the_file_of_one_device(made: Path, tmp_path: Path, shares: list[tuple[str, int]]) -> None:
    files = []
    for name, devices in (("single", "cpu"), ("double", "cpu,cpu,cpu")):
        files.append(tmp_path / f"{name}.safetensors")
        words = ["features", made / "cats" / "testB", "--output", files[-1], *RANDOM, "--cache", tmp_path / name]
        call(*words, "--device", devices)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert shares == [("features", 1), ("features", 3)]


def test_neighbours_and_differences_take_several_devices_too(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "results", tmp_path / "results")
    run = next((tmp_path / "results").glob("*/*/*/config.json")).parent
    place = ["--results", tmp_path / "results", *RANDOM]
    single, double = (
        call("neighbours", run, *place, "--cache", tmp_path / devices, "--device", devices, "--json").stdout
        for devices in ("cpu", "cpu,cpu")
    )
    assert single == double
    call("differences", "--to", "real", *place, "--device", "cpu,cpu")


@pytest.mark.parametrize(
    ("devices", "says"),
    [
        ("cuda:0,cuda:0", "--device cuda:0,cuda:0: a device is named twice; name each one once."),
        ("cuda,cuda:0", "--device cuda,cuda:0: a device is named twice; name each one once."),
        ("cuda:0,cuda:7", "--device cuda:7: this machine has none"),
        ("cpu,gpu", "--device gpu: not a device; use auto, cpu, cuda, cuda:N or mps."),
    ],
)
@pytest.mark.parametrize("command", ["eval", "features", "translate"])
def test_devices_that_cannot_be_are_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, devices: str, says: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    images, run = made / "cats" / "testA", next((made / "results").glob("*/*/*/config.json")).parent
    words = {
        "eval": ["eval", run, *RANDOM],
        "features": ["features", images, "--output", tmp_path / "f.safetensors", *RANDOM],
        "translate": ["translate", run, "--input", images, "--output", tmp_path / "out"],
    }
    assert says in call(*words[command], "--device", devices, code=2).stderr
