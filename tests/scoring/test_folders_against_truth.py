"""Plain folders against the truth: the reference of an output's stem is its true translation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands import call, call_json
from drawn_images import draw_noise
from PIL import Image

METRICS = ["--metric", "l1_truth,psnr,ssim"]


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Folders real (0, 1, 2) and fake (0, 1, 2) of noise."""
    draw_noise(tmp_path / "real", 0)
    draw_noise(tmp_path / "fake", 1)
    return tmp_path


def where(folder: Path) -> list[object]:
    return ["--real", folder / "real", "--fake", folder / "fake"]


def test_outputs_are_compared_with_the_references_of_their_stems(folders: Path) -> None:
    records = {record["metric"]: record for record in call_json("eval", *where(folders), *METRICS)}
    images = [[np.array(Image.open(folders / side / f"{i}.png"), float) for i in range(3)] for side in ("fake", "real")]
    expected = np.abs(np.array(images[0]) - np.array(images[1])).mean() / 255
    assert records["l1_truth"]["value"] == pytest.approx(expected, rel=1e-5)
    assert records["l1_truth"]["references"] is not None and records["l1_truth"]["sources"] is None
    assert records["ssim"]["protocol"]["size"] == 32


def test_references_without_an_output_are_named_and_outputs_without_a_reference_refused(folders: Path) -> None:
    (folders / "fake/2.png").unlink()
    result = call("eval", *where(folders), *METRICS)
    assert "fake: no output for 1 of 3 references: 2.png." in result.stderr
    Image.new("RGB", (32, 32)).save(folders / "fake/new.png")
    error = call("eval", *where(folders), *METRICS, code=2).stderr
    assert "fake: 1 of 3 images has no partner of the same stem in" in error and "(new.png)" in error
    assert (
        "no output for 1 of 3" not in call("eval", *where(folders), "--metric", "kid", "--extractor", "random").stderr
    )


def test_references_of_another_size_are_resized_and_named(folders: Path) -> None:
    Image.open(folders / "real/1.png").resize((64, 64)).save(folders / "real/1.png")
    said = call("eval", *where(folders), *METRICS).stderr
    why = "the commonest size of the outputs, where outputs are compared with true translations"
    assert f"real: resized to 32 px, {why}: 1 of 3: 1.png." in said


def test_without_being_asked_folders_are_not_taken_for_pairs(folders: Path) -> None:
    assert [r["metric"] for r in call_json("eval", *where(folders), "--extractor", "random")] == ["kid", "fid"]


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("changed", "--metric changed needs a dial's known truth; score a run on a dial instead."),
        ("lpips_diversity", "--metric lpips_diversity needs the networks of a run; score a run instead."),
    ],
)
def test_what_folders_cannot_have_is_one_sentence(folders: Path, metric: str, says: str) -> None:
    assert says in call("eval", *where(folders), "--source", folders / "real", "--metric", metric, code=2).stderr
