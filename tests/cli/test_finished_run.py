"""`ugbench train` on a finished run says so, without decoding its images or building its networks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import call_in
from drawn_images import make_data_set

from ugbench.data import check, known_files
from ugbench.training import images, loop

SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "2"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4", "--sample-every", "1000", "--save-every", "1"]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """train() trains a run of two steps on photographs of which one is no image, and returns what it printed."""
    make_data_set(tmp_path / "datasets" / "cats", trainA=3, trainB=2, testA=1, testB=1)
    (tmp_path / "datasets" / "cats" / "trainA" / "bad.png").write_bytes(b"no image")
    now = time.time_ns
    monkeypatch.setattr(known_files.time, "time_ns", lambda: now() + 60_000_000_000)

    def call(*words: str) -> str:
        words = ("train", "cyclegan", "--dataset", "cats", *SMALL, *TINY, "--skip-bad", *words)
        return call_in(tmp_path, *words).stderr

    assert "done, at step 2." in call()
    return call


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the images that are decoded without an error from now on."""
    names: list[str] = []
    inspect_image, load_images = check.inspect_image, images.load_images

    def read(path: Path) -> Any:
        image = inspect_image(path)
        names.append(path.name)
        return image

    def load(paths: list[Path], *given: Any) -> Any:
        names.extend(path.name for path in paths)
        return load_images(paths, *given)

    monkeypatch.setattr(check, "inspect_image", read)
    monkeypatch.setattr(images, "load_images", load)
    return names


def test_it_is_done_before_and_nothing_is_decoded_or_built(
    train: Callable[..., str], decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "train", None)
    said = train()
    assert "done before, at step 2." in said
    assert "trainA/bad.png is skipped: not a readable image" in said
    assert "trainA: 3 of 4 images are used." in said
    assert decoded == []


def test_a_damaged_last_checkpoint_is_found_all_the_same(
    train: Callable[..., str], decoded: list[str], tmp_path: Path
) -> None:
    (file,) = tmp_path.glob("results/cats/cyclegan/*/checkpoints/2/method.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    assert "differs from its manifest" in train()
    assert decoded != []


def test_a_run_without_method_json_gets_it(train: Callable[..., str], tmp_path: Path) -> None:
    (file,) = tmp_path.glob("results/cats/cyclegan/*/method.json")
    file.unlink()
    assert "done before, at step 2." in train()
    assert file.exists()


def test_restart_trains_a_finished_run_again(train: Callable[..., str]) -> None:
    assert "done, at step 2." in train("--restart")


@pytest.mark.parametrize("content", ["{", "[1]", None])
def test_a_damaged_config_is_written_again_by_the_same_command(
    train: Callable[..., str], tmp_path: Path, content: str | None
) -> None:
    (file,) = tmp_path.glob("results/cats/cyclegan/*/config.json")
    whole = file.read_text()
    file.unlink() if content is None else file.write_text(content)
    said = train()
    assert ("config.json is written again" in said) == (content is not None)
    assert "done before, at step 2." in said
    assert file.read_text() == whole
