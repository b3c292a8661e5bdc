"""`ugbench features`, and `ugbench eval --real FILE` with what it wrote: the scores are those of the folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call, call_json
from drawn_images import patches
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ugbench.data.known_files import images_hash
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor

RANDOM = ("--extractor", "random")
METRICS = "kid,fid,precision,recall,density,coverage"


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Six references, one of which has a name that is not UTF-8."""
    (tmp_path / "real").mkdir()
    for number in range(5):
        patches(number, (40, 36)).save(tmp_path / "real" / f"{number}.png")
    patches(7, (40, 36)).save(tmp_path / "real" / "caf\udce9.png")
    return tmp_path / "real"


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """Five outputs, the first of which is a copy of a reference."""
    (tmp_path / "fake").mkdir()
    for number in range(5):
        patches(number if number == 0 else 50 + number, (40, 36)).save(tmp_path / "fake" / f"{number}.png")
    return tmp_path / "fake"


@pytest.fixture
def file(real: Path, tmp_path: Path) -> Path:
    """The features of the references by the extractor `random`."""
    call("features", real, "--output", tmp_path / "real.safetensors", *RANDOM)
    return tmp_path / "real.safetensors"


def test_the_file_holds_the_features_and_how_they_were_made(real: Path, tmp_path: Path) -> None:
    output = tmp_path / "deep" / "f.safetensors"
    printed = call_json("features", real, "--output", output, *RANDOM)
    images = sorted(real.iterdir(), key=lambda path: path.name)
    extractor = load_extractor("random", {})
    features = load_file(output)["features"]
    torch.testing.assert_close(features, features_of(images, (), extractor))
    with safe_open(output, "pt") as opened:
        header = json.loads(opened.metadata()["ugbench"])
    assert [image["name"] for image in header["images"]] == [image.name for image in images]
    assert header["space"]["sha256"] == printed["sha256"] == extractor.sha256
    assert (header["space"]["extractor"], header["space"]["transform"]) == ("random", extractor.transform)
    assert (header["size"], header["format"], header["space"]["before"]) == ("as-is", "as-is", "")
    assert printed["references"] == images_hash(images)
    assert (printed["images"], printed["dim"]) == (6, 128)
    assert str(tmp_path) not in output.read_bytes().decode("latin-1")


def test_every_metric_on_features_has_the_score_and_the_protocol_of_the_folder(
    real: Path, fake: Path, file: Path
) -> None:
    words = ("--fake", fake, "--metric", METRICS, *RANDOM)
    of_folder, of_file = (call_json("eval", "--real", where, *words) for where in (real, file))
    assert [r["metric"] for r in of_file] == METRICS.split(",")
    for expected, record in zip(of_folder, of_file, strict=True):
        # Without the references' pixels nothing can be said about copies of them.
        assert expected.pop("copies") == {"references": 1} and record.pop("copies") == {}
        assert record == expected
        assert (record["n_real"], record["n_fake"]) == (6, 5)


def test_no_image_of_the_references_is_needed(real: Path, fake: Path, file: Path) -> None:
    words = ("--fake", fake, "--metric", "kid", *RANDOM)
    expected = call_json("eval", "--real", real, *words)[0]["value"]
    for image in real.iterdir():
        image.unlink()
    result = call("eval", "--real", file, *words, "--json")
    assert json.loads(result.stdout)[0]["value"] == expected
    assert f"{file}: features of 6 images (random)." in result.stderr


def test_without_metrics_those_that_it_serves_are_computed(fake: Path, file: Path) -> None:
    assert [r["metric"] for r in call_json("eval", "--real", file, "--fake", fake, *RANDOM)] == ["kid", "fid"]


@pytest.mark.parametrize("metric", ["psnr", "ssim", "l1_truth", "lpips_truth"])
def test_metrics_against_the_truth_ask_for_the_folder(fake: Path, file: Path, metric: str) -> None:
    said = call("eval", "--real", file, "--fake", fake, "--metric", metric, *RANDOM, code=2).stderr
    assert f"--metric {metric} with --real {file}: it holds the features of images and not the images" in said


def test_a_file_in_place_of_the_outputs_is_called_a_file(real: Path, file: Path) -> None:
    said = call("eval", "--real", real, "--fake", file, "--metric", "kid", *RANDOM, code=2).stderr
    assert f"{file}: this is a file; name a folder of images." in said


def test_lpips_needs_sources_and_no_references(fake: Path, file: Path, backbone: Callable[[str], Path]) -> None:
    words = ["eval", "--real", file, "--fake", fake, "--metric", "lpips", *RANDOM]
    words += ["--weights", f"alexnet={backbone('alexnet')}"]
    assert "add --source DIR" in call(*words, code=2).stderr
    (record,) = call_json(*words, "--source", fake)
    assert (record["value"], record["n_real"]) == (0.0, 5)


def test_features_of_another_extractor_weights_or_resize_are_refused(
    real: Path, fake: Path, file: Path, backbone: Callable[[str], Path], tmp_path: Path
) -> None:
    words = ["eval", "--real", file, "--fake", fake, "--metric", "kid"]
    weights = ["--extractor", "alexnet", "--weights", f"alexnet={backbone('alexnet')}"]
    said = call(*words, *weights, code=2).stderr
    assert "its features are of random, and those of the outputs would be of alexnet; add --extractor random" in said
    said = call(*words, *RANDOM, "--protocol", "clean", code=2).stderr
    assert "its images were not resized before the extractor, and by protocol clean they are resized to 64x64" in said
    other = tmp_path / "clean.safetensors"
    call("features", real, "--output", other, *RANDOM, "--protocol", "clean")
    ids = [
        call_json("eval", "--real", where, *words[3:], *RANDOM, "--protocol", "clean")[0]["protocol_id"]
        for where in (real, other)
    ]
    assert ids[0] == ids[1]
    file.unlink()
    call("features", real, "--output", file, *weights)
    changed = {key: value + 1 for key, value in torch.load(backbone("alexnet"), weights_only=True).items()}
    torch.save(changed, tmp_path / "other.pth")
    said = call(*words, "--extractor", "alexnet", "--weights", f"alexnet={tmp_path / 'other.pth'}", code=2).stderr
    assert "its features are of alexnet with other weights (sha256 " in said


def test_a_damaged_file_is_one_sentence(fake: Path, file: Path, tmp_path: Path) -> None:
    whole, tensors = file.read_bytes(), load_file(file)
    with safe_open(file, "pt") as opened:
        text = opened.metadata()["ugbench"]
    header = json.loads(text)
    spoilt: dict[str, Any] = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "foreign": {},
        "no-json": {"ugbench": "{"},
        "no-images": {"ugbench": json.dumps({**header, "images": []})},
        "no-space": {"ugbench": json.dumps({key: value for key, value in header.items() if key != "space"})},
        "older": {"ugbench": json.dumps({**header, "reading": 1})},
    }
    reasons = {
        "cut": "it is damaged or no safetensors file",
        "empty": "it is damaged or no safetensors file",
        "flipped": "its features are not those that were written",
        "foreign": "it holds no features that `ugbench features` wrote",
        "no-json": "its description of the features is no JSON",
        "no-images": "its features are not those that were written",
        "no-space": "its description of the features is wrong (space: Field required)",
        "older": "another version wrote it",
    }
    for name, content in spoilt.items():
        path = tmp_path / f"{name}.safetensors"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            save_file(tensors, path, content or None)
        said = call("eval", "--real", path, "--fake", fake, "--metric", "kid", *RANDOM, code=2).stderr
        assert said.splitlines()[-1].startswith(f"error: {path}: {reasons[name]}")
        assert "make it again with `ugbench features DIR" in said


def test_names_and_places_that_cannot_be_are_refused(real: Path, fake: Path, tmp_path: Path) -> None:
    said = call("features", real, "--output", tmp_path / "f.npz", *RANDOM, code=2).stderr
    assert "the name must end in .safetensors" in said
    said = call("features", tmp_path / "nowhere", "--output", tmp_path / "f.safetensors", *RANDOM, code=2).stderr
    assert "no such folder" in said
    image = next(iter(real.glob("0.png")))
    said = call("eval", "--real", image, "--fake", fake, *RANDOM, code=2).stderr
    assert "references are a folder of images, a .safetensors file of `ugbench features`, or an .npz file" in said
    assert "go together; give both." in call("eval", "--real", tmp_path / "f.safetensors", code=2).stderr


def test_a_terminal_shows_how_many_images_are_read(real: Path, tmp_path: Path) -> None:
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "200"}
    said = call("features", real, "--output", tmp_path / "f.safetensors", *RANDOM, env=terminal).stderr
    assert "features" in said and "6/6" in said
