"""`ugbench eval --real FILE.npz`: FID against statistics that another tool stored, under a protocol of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, call_json
from drawn_images import patches
from numpy.typing import NDArray

from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor

RANDOM = ("--extractor", "random")
DIM = 128


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """Six outputs."""
    return draw(tmp_path / "fake", 6, 60)


def draw(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    for number in range(count):
        patches(seed + number, (40, 30)).save(folder / f"{number}.png")
    return folder


def features(folder: Path) -> NDArray[np.float64]:
    """Features (n, d) by the extractor `random`."""
    return features_of(sorted(folder.iterdir()), (), load_extractor("random", {})).double().numpy()


def covariance(rows: int = 500) -> NDArray[np.float64]:
    """A covariance of full rank."""
    return np.cov(np.random.default_rng(1).standard_normal((rows, DIM)), rowvar=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Statistics as pytorch-fid writes them."""
    np.savez_compressed(tmp_path / "stats.npz", mu=np.linspace(0, 1, DIM), sigma=covariance())
    return tmp_path / "stats.npz"


def test_fid_is_the_frechet_distance_to_the_statistics(fake: Path, file: Path) -> None:
    rows = features(fake)
    mu, sigma = rows.mean(0), np.cov(rows, rowvar=False)
    variances, axes = np.linalg.eigh(covariance())
    root = axes * np.sqrt(variances) @ axes.T
    # The trace of the root of a product is the sum of the roots of the eigenvalues of this symmetric matrix.
    overlap = np.sqrt(np.linalg.eigvalsh(root @ sigma @ root).clip(0)).sum()
    expected = ((mu - np.linspace(0, 1, DIM)) ** 2).sum() + np.trace(sigma + covariance()) - 2 * overlap
    result = call("eval", "--real", file, "--fake", fake, *RANDOM, "--json")
    (record,) = json.loads(result.stdout)
    assert record["metric"] == "fid"
    assert record["value"] == pytest.approx(expected, rel=1e-3)
    assert (record["n_fake"], record["n_real"], record["copies"]) == (6, None, {})
    assert "The file does not say of how many images, nor with which extractor" in result.stderr
    assert "fid of 6 images against statistics of an unknown number is mostly bias (under 2048)" in result.stderr


def test_statistics_of_a_folder_give_its_fid_under_another_protocol(fake: Path, tmp_path: Path) -> None:
    real = draw(tmp_path / "real", 8, 0)
    rows = features(real)
    np.savez(tmp_path / "real.npz", mu=rows.mean(0), sigma=np.cov(rows, rowvar=False))
    words = ("--fake", fake, "--metric", "fid", *RANDOM)
    (of_folder,), (of_file,) = (call_json("eval", "--real", where, *words) for where in (real, tmp_path / "real.npz"))
    assert of_file["value"] == pytest.approx(of_folder["value"], abs=1e-3)
    sha256 = hashlib.sha256((tmp_path / "real.npz").read_bytes()).hexdigest()
    assert of_file["protocol"] == {
        **of_folder["protocol"],
        "reference": "statistics",
        "statistics": {"sha256": sha256},
    }
    assert of_file["protocol_id"] != of_folder["protocol_id"]
    assert of_file["references"] == sha256
    assert of_file["dataset"].endswith(f"-real-{sha256[:6]}")


def test_in_a_table_nothing_is_bold_and_the_number_is_said_to_be_unknown(
    fake: Path, file: Path, tmp_path: Path
) -> None:
    output = ["--output", tmp_path / "results" / "scores.jsonl"]
    for name, folder in (("one", fake), ("two", draw(tmp_path / "other", 6, 90))):
        call("eval", "--real", file, "--fake", folder, "--name", name, "--metric", "fid", *RANDOM, *output)
    # The extractor `random` never competes; that of these records does.
    scores = tmp_path / "results" / "scores.jsonl"
    scores.write_text(scores.read_text().replace('"comparable": false', '"comparable": true'))
    assert '"comparable": true' in scores.read_text()
    where = ["--results", tmp_path / "results"]
    table = call_json("table", "--format", "json", *where)
    assert [row["cells"]["fid"]["best"] for row in table["rows"]] == [False, False]
    shown = call("table", "--format", "md", *where).stdout
    assert "6 outputs, an unknown number of references" in shown
    assert "no row with under 2,048 images per set is called the best" in shown


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ("kid", "features alone, which serve no metric but fid; give the folder of images"),
        ("fid,precision", "--metric precision with --real"),
    ],
)
def test_other_metrics_say_what_they_lack(metrics: str, reason: str, fake: Path, file: Path) -> None:
    assert reason in call("eval", "--real", file, "--fake", fake, "--metric", metrics, *RANDOM, code=2).stderr


def arrays(**changes: Any) -> dict[str, Any]:
    return {"mu": np.zeros(DIM), "sigma": covariance(), **changes}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"mu": np.zeros(DIM)}, "it lacks mu or sigma"),
        (arrays(mu=np.zeros((1, DIM))), "mu is (1, 128) and sigma is (128, 128)"),
        (arrays(sigma=np.eye(3)), "mu is (128,) and sigma is (3, 3)"),
        (arrays(mu=np.zeros(DIM, dtype=int)), "mu is int64 and sigma is float64"),
        (arrays(mu=np.full(DIM, np.nan)), "mu or sigma has a value that is NaN or infinite"),
        (arrays(sigma=np.triu(covariance())), "sigma is not symmetric"),
        (arrays(sigma=-covariance()), "sigma has a negative eigenvalue"),
        (arrays(mu=np.array([None] * DIM)), "it is damaged, or holds more than plain arrays"),
    ],
)
def test_a_file_that_is_no_mean_and_covariance_is_one_sentence(
    content: dict[str, Any], reason: str, fake: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "bad.npz", **content)
    said = call("eval", "--real", tmp_path / "bad.npz", "--fake", fake, "--metric", "fid", *RANDOM, code=2).stderr
    sentence = said.splitlines()[-1]
    assert sentence.startswith(f"error: {tmp_path / 'bad.npz'}: {reason}")
    assert sentence.endswith("give an .npz file with mu (d,) and sigma (d, d), as pytorch-fid and clean-fid write it.")


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04 nothing"])
def test_a_damaged_file_is_one_sentence(content: bytes, fake: Path, file: Path, tmp_path: Path) -> None:
    for number, damaged in enumerate((content, file.read_bytes()[:-40])):
        path = tmp_path / f"damaged{number}.npz"
        path.write_bytes(damaged)
        said = call("eval", "--real", path, "--fake", fake, "--metric", "fid", *RANDOM, code=2).stderr
        assert f"error: {path}: it is damaged, or holds more than plain arrays" in said


def test_statistics_of_another_extractor_are_named_before_images_are_read(fake: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "stats.npz", mu=np.zeros(2048), sigma=np.eye(2048))
    for image in fake.iterdir():
        image.write_bytes(b"")
    said = call("eval", "--real", tmp_path / "stats.npz", "--fake", fake, "--metric", "fid", *RANDOM, code=2).stderr
    assert "its statistics are of 2048 features, and random has 128; name the --extractor" in said
