"""`ugbench data check`: its text, its JSON and its exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

Call = Callable[..., Result]
SPLITS = ("trainA", "trainB", "testA", "testB")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with a data set of one image a split."""
    for k, split in enumerate(SPLITS):
        (tmp_path / "cats" / split).mkdir(parents=True)
        image = Image.radial_gradient("L").resize((32, 32)) if k % 2 else Image.linear_gradient("L").resize((32, 32))
        Image.merge("RGB", (image.rotate(90 * (k // 2)), Image.new("L", (32, 32), 60 * k), image)).save(
            tmp_path / "cats" / split / "1.png"
        )
    return tmp_path


def test_a_good_set_exits_0_and_a_bad_one_1(ugbench: Call, root: Path) -> None:
    good = ugbench("data", "check", "cats", "--data-root", root)
    assert good.exit_code == 0
    lines = good.stdout.splitlines()
    assert lines[0].split() == ["split", "images", "readable", "sizes", "modes", "formats"]
    assert lines[1].split() == ["trainA", "1", "1", "32x32", "(1)", "RGB", "(1)", "PNG", "(1)"]
    assert lines[-1] == (
        "Training takes this data set as it is; training pairs and further folders, which some methods need, are not "
        "checked here."
    )

    (root / "cats" / "trainA" / "2.png").write_text("no image")
    bad = ugbench("data", "check", "cats", "--data-root", root)
    assert bad.exit_code == 1
    assert bad.stdout.split("\n\n")[1].splitlines() == [
        "unreadable in trainA (1): trainA/2.png",
        "  found: not a readable image (no PNG, JPEG, WEBP, BMP, TIFF, GIF or AVIF)",
        "  ugbench: training refuses, or leaves it out with --skip-bad",
    ]
    assert bad.stdout.splitlines()[-1] == "Training refuses this data set as it is, and takes it with --skip-bad."


def test_what_check_says_of_training_is_what_train_does(ugbench: Call, root: Path) -> None:
    def train(*more: str) -> Result:
        args = ("train", "cyclegan", "--dataset", "cats", "--data-root", root, "--results", root / "results")
        return ugbench(*args, "--preset", "smoke", "--size", 32, "--steps", 1, "--batch-size", 1, *more, "--json")

    (root / "cats" / "trainA" / "2.png").write_text("no image")
    (root / "cats" / "testB" / "0.png").write_text("no image")
    report = json.loads(ugbench("data", "check", "cats", "--data-root", root, "--json").stdout)
    assert (report["trains"], report["trains_with_skip_bad"]) == (False, True)
    assert train().exit_code == 2
    done = train("--skip-bad")
    assert done.exit_code == 0
    record = json.loads((Path(json.loads(done.stdout)["run"]) / "config.json").read_text())
    assert record["dataset"]["skipped"] == ["trainA/2.png"]
    assert "testB/0.png cannot be read and is not shown in samples." in done.stderr
    # The same images are the same run; another image is another.
    first = json.loads(done.stdout)["id"]
    assert json.loads(train("--skip-bad").stdout)["id"] == first
    Image.new("RGB", (32, 32), "red").save(root / "cats" / "trainB" / "1.png")
    assert json.loads(train("--skip-bad").stdout)["id"] != first


def test_json_is_one_object_with_every_file(ugbench: Call, root: Path) -> None:
    for k in range(5):
        (root / "cats" / "trainB" / f"note{k}.txt").touch()
    result = ugbench("data", "check", "cats", "--data-root", root, "--json")
    report = json.loads(result.stdout)
    assert set(report) == {"name", "root", "splits", "findings", "trains", "trains_with_skip_bad", "likeness"}
    assert report["splits"]["testB"]["sizes"] == {"32x32": 1}
    assert report["findings"] == [
        {
            "kind": "stray",
            "splits": ["trainB"],
            "files": [f"trainB/note{k}.txt" for k in range(5)],
            "found": "no images: 5 .txt",
            "action": "ignored",
            "stops_training": False,
        }
    ]
    text = ugbench("data", "check", "cats", "--data-root", root).stdout
    assert "trainB/note0.txt, trainB/note1.txt, trainB/note2.txt, …" in text
    assert "note3" not in text


def test_a_name_that_is_no_data_set_is_a_wrong_call(ugbench: Call, root: Path) -> None:
    result = ugbench("data", "check", "cuts", "--data-root", root)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'cats'?" in result.stderr


def test_findings_read_at_100_columns(ugbench: Call, root: Path) -> None:
    name = "a photograph of a cat that was taken in the garden, number"
    for k in range(4):
        (root / "cats" / "trainB" / f"{name} {k}.png").write_text("no image")
        for split in ("trainA", "testA"):
            Image.effect_noise((32, 32), 10 + k).save(root / "cats" / split / f"{name} {k}.png")
        (root / "cats" / "testA" / f"{name} {k}.png").write_bytes(
            (root / "cats" / "trainA" / f"{name} {k}.png").read_bytes()
        )
    text = ugbench("data", "check", "cats", "--data-root", root).stdout
    findings = text.split("\n\n", 1)[1]
    assert max(map(len, findings.splitlines())) <= 100
    assert "leak in trainA, testA (4):" in findings
    assert f"testA/{name} 0.png" in " ".join(findings.split()), "wrapping loses nothing"
