"""`ugbench data import`: what it prints, and that what it made is found by name."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Call = Callable[..., Result]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A van Gogh archive with one image a split and a stray one."""
    path = tmp_path / "vangogh2photo.zip"
    with zipfile.ZipFile(path, "w") as out:
        for name in ("trainA/v.jpg", "trainB/p.jpg", "testA/v.jpg", "testB/p.jpg", "stray.jpg"):
            out.writestr(f"vangogh2photo/{name}", name)
    return path


def test_an_archive_is_imported_by_its_recognised_name_and_then_listed(
    ugbench: Call, tmp_path: Path, archive: Path
) -> None:
    root = tmp_path / "datasets"
    before = ugbench("train", "cyclegan", "--dataset", "photo2vangogh", "--data-root", root, "--results", tmp_path)
    assert before.exit_code == 2
    assert before.stderr.startswith(
        f"error: data set photo2vangogh: not in {root} yet; `ugbench data get photo2vangogh --data-root {root}` down"
    )

    result = ugbench("data", "import", archive, "--data-root", root)
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["split", "images", "paper"],
        ["trainA", "1", "6287"],
        ["trainB", "1", "400"],
        ["testA", "1", "751"],
        ["testB", "1", "400"],
    ]
    lines = result.stderr.splitlines()
    assert lines[0] == "A and B change places, as photo2vangogh says."
    assert lines[1] == "trainA has 1 images where the paper has 6287."
    assert lines[-2] == "1 images are in no split and are left out, as vangogh2photo/stray.jpg."
    assert lines[-1].startswith(f"photo2vangogh is in {root}/photo2vangogh; ")
    assert (root / "photo2vangogh" / "trainA" / "p.jpg").read_text() == "trainB/p.jpg"
    (row, *_) = json.loads(ugbench("data", "list", "--data-root", root, "--json").stdout)
    assert (row["name"], row["trainA"]) == ("photo2vangogh", 1)


def test_json_is_one_object(ugbench: Call, tmp_path: Path, archive: Path) -> None:
    result = ugbench("data", "import", archive, "--name", "mine", "--data-root", tmp_path / "d", "--json")
    report = json.loads(result.stdout)
    assert report.pop("notes") == ["1 images are in no split and are left out, as vangogh2photo/stray.jpg."]
    assert report == {
        "name": "mine",
        "root": str(tmp_path / "d" / "mine"),
        "images": {"trainA": 1, "trainB": 1, "testA": 1, "testB": 1},
        "paper": None,
        "shape": "folders",
        "turned": False,
        "paired": False,
    }


def test_a_target_that_is_there_and_a_source_that_is_not_are_wrong_calls(
    ugbench: Call, tmp_path: Path, archive: Path
) -> None:
    (tmp_path / "photo2vangogh").mkdir()
    (tmp_path / "photo2vangogh" / "mine.txt").touch()
    result = ugbench("data", "import", archive, "--data-root", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: {tmp_path}/photo2vangogh: something is there already; remove it, or give another --name.\n"
    )
    result = ugbench("data", "import", tmp_path / "gone.zip", "--data-root", tmp_path)
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {tmp_path}/gone.zip: no such file; name an archive or a folder.\n",
    )


def test_pairs_are_stated_and_listed(ugbench: Call, tmp_path: Path, archive: Path) -> None:
    root = tmp_path / "datasets"
    result = ugbench("data", "import", archive, "--name", "mine", "--paired", "--data-root", root)
    assert result.exit_code == 2
    assert "2 test images have no partner of the same stem" in result.stderr
    assert not root.exists()
    with zipfile.ZipFile(tmp_path / "pairs.zip", "w") as out:
        for split in ("trainA", "trainB", "testA", "testB"):
            out.writestr(f"{split}/1.jpg", split)
    result = ugbench("data", "import", tmp_path / "pairs.zip", "--paired", "--data-root", root, "--json")
    assert json.loads(result.stdout)["paired"] is True
    listed = ugbench("data", "list", "--data-root", root)
    (line,) = [line for line in listed.stdout.splitlines() if line.startswith("pairs")]
    assert line.endswith("test images are pairs")
    (row, *others) = json.loads(ugbench("data", "list", "--data-root", root, "--json").stdout)
    assert (row["name"], row["paired"]) == ("pairs", True)
    assert {other["name"]: other["paired"] for other in others}["dial"] is True
