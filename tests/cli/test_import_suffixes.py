"""`ugbench import --as external` takes outputs whose names have a suffix that their tool added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_in
from drawn_images import draw_noise, save_flat
from PIL import Image

SCORES = ("--metric", "kid", "--extractor", "random")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data set of four images for each test split."""
    for seed, split in enumerate(("testA", "testB")):
        draw_noise(tmp_path / "datasets/cats" / split, seed, count=4)
    return tmp_path


def make_outputs(folder: Path, suffix: str, stems: str = "0123") -> Path:
    draw_noise(folder / "plain", 7, count=4)
    for file in (folder / "plain").iterdir():
        if file.stem in stems:
            file.rename(folder / f"{file.stem}{suffix}.png")
        else:
            file.unlink()
    (folder / "plain").rmdir()
    return folder


def import_as(home: Path, folder: Path, name: str) -> tuple[dict[str, Any], str]:
    result = call_in(home, "import", folder, "--as", "external", "--name", name, "--dataset", "cats", "--json")
    return json.loads(result.stdout), result.stderr


@pytest.mark.parametrize("suffix", ["_fake", "_fake_B", "_synthesized_image"])
def test_outputs_with_a_suffix_are_the_same_run_and_score_as_those_without(home: Path, suffix: str) -> None:
    plain, said = import_as(home, make_outputs(home / "plain", ""), "tool")
    assert "stripped" not in said and plain["outputs"]["A2B"]["suffix"] == ""
    report, said = import_as(home, make_outputs(home / "made", suffix), "tool")
    assert report["id"] == plain["id"]
    outputs = report["outputs"]["A2B"]
    assert (outputs["images"], outputs["missing"], outputs["extra"], outputs["suffix"]) == (4, [], [], suffix)
    assert f"A2B: {suffix} is stripped from the names of all 4 outputs" in said
    assert f"0{suffix}.png is stored as 0.png" in said
    stored = sorted(path.name for path in (Path(report["run"]) / "outputs/A2B").glob("*.png"))
    assert stored == ["0.png", "1.png", "2.png", "3.png"]
    (record,) = json.loads(call_in(home, "eval", report["id"], *SCORES, "--json").stdout)
    folders = ("--real", home / "datasets/cats/testB", "--fake", home / "plain")
    (alone,) = json.loads(call("eval", *folders, *SCORES, "--json").stdout)
    assert (record["value"], record["n_fake"]) == (pytest.approx(alone["value"], abs=1e-9), 4)
    assert record["outputs"] == alone["outputs"]


def test_copies_of_sources_beside_the_outputs_are_left_out_and_missing_outputs_named(home: Path) -> None:
    made = make_outputs(home / "made", "_fake_B", "012")
    for stem in "012":
        Image.open(home / f"datasets/cats/testA/{stem}.png").save(made / f"{stem}_real_A.png")
    report, said = import_as(home, made, "tool")
    outputs = report["outputs"]["A2B"]
    assert (outputs["images"], outputs["missing"], outputs["extra"]) == (3, ["3"], [])
    assert outputs["beside"] == ["0_real_A.png", "1_real_A.png", "2_real_A.png"]
    assert "A2B: 3 other files of the tool are no outputs and are left out: 0_real_A.png, 1_real_A.png" in said
    assert (Path(report["run"]) / "outputs/A2B/0.png").read_bytes() == (made / "0_fake_B.png").read_bytes()


def test_names_that_fit_in_part_only_are_refused_and_those_of_sources_stay(home: Path) -> None:
    made = make_outputs(home / "made", "_fake")
    save_flat(made / "stray_fake.png")
    words = ("import", made, "--as", "external", "--name", "tool", "--dataset", "cats")
    assert "none of its 5 images has the stem of a source" in call_in(home, *words, code=2).stderr
    save_flat(home / "datasets/cats/testA/0_fake.png")
    report, said = import_as(home, made, "tool")
    assert report["outputs"]["A2B"]["images"] == 1 and "stripped" not in said
    assert report["outputs"]["A2B"]["missing"] == ["0", "1", "2", "3"]
