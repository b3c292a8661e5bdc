"""An extractor of another package is found, listed, scored with and tabled like those that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call, call_json
from drawn_images import patches
from PIL import Image
from third_party import third_party_site, visible

from ugbench.metrics import fid, kid

__all__ = ["third_party_site"]
NAME = "colour_grid"


@pytest.fixture(autouse=True)
def other_packages(third_party_site: Path) -> Iterator[None]:
    """The packages of tests/third_party are installed."""
    with visible(third_party_site):
        yield


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Folders of 6 references and 5 outputs, 32 px."""
    for name, count, seed in (("real", 6, 0), ("fake", 5, 50)):
        (tmp_path / name).mkdir()
        for number in range(count):
            patches(seed + number, (32, 32)).save(tmp_path / name / f"{number}.png")
    return [tmp_path / "real", tmp_path / "fake"]


def grid_means(folder: Path) -> torch.Tensor:
    """The features, computed by NumPy: (n, 48), colour by colour."""
    rows = []
    for file in sorted(folder.glob("*.png")):
        pixels = np.array(Image.open(file).convert("RGB")).astype(np.float64) / 255
        rows.append(pixels.reshape(4, 8, 4, 8, 3).mean((1, 3)).transpose(2, 0, 1).ravel())
    return torch.from_numpy(np.stack(rows))


def test_help_and_doctor_list_it() -> None:
    assert NAME in call_json("doctor")["extractors"]
    assert NAME not in call_json("doctor")["weights"]
    words = " ".join(call("eval", "--help").stdout.replace("│", " ").split())
    assert "alexnet, clip, colour_grid, dinov2, inception, random, squeezenet" in words


def test_its_scores_are_those_of_its_features_and_stand_in_a_table(folders: list[Path], tmp_path: Path) -> None:
    real, fake = folders
    words = ["--real", real, "--fake", fake, "--name", "ours", "--dataset-name", "cats"]
    output = ["--output", tmp_path / "results" / "ours.jsonl"]
    records = call_json("eval", *words, "--metric", "kid,fid", "--extractor", NAME, *output)
    features = grid_means(fake), grid_means(real)
    expected = {"kid": kid.compute(*features).value, "fid": fid.compute(*features).value}
    assert {r["metric"]: r["value"] for r in records} == pytest.approx(expected, abs=1e-5)
    assert abs(expected["kid"]) > 1e-3
    for record in records:
        assert record["comparable"] is True
        assert record["protocol"]["extractor"]["name"] == NAME
        assert record["protocol"]["extractor"]["transform"] == "32 px bilinear antialiased, from 0 to 1"
    table = call_json("table", "--results", tmp_path / "results", "--format", "json")
    assert table["rows"][0]["cells"]["kid"]["value"] == records[0]["value"]


def test_it_takes_no_file(folders: list[Path]) -> None:
    words = ["eval", "--real", folders[0], "--fake", folders[1], "--extractor", NAME, "--metric", "kid"]
    refusal = call(*words, "--weights", f"{NAME}={__file__}", code=2).stderr
    assert f"--weights {NAME}: the extractor {NAME} needs no file; leave the option out." in refusal
