"""`ugbench data import --a DIR --b DIR`: what it prints, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from drawn_images import patches
from typer.testing import Result

Call = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with photographs of cats and dogs."""
    for number, name in enumerate(("cats", "dogs")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for seed in range(6):
            patches(100 * number + seed).save(tmp_path / "photos" / name / f"{seed}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FOLDERS = ("data", "import", "--a", "photos/cats", "--b", "photos/dogs")


def test_it_says_what_it_did_and_the_next_command_works(ugbench: Call, home: Path) -> None:
    (home / "photos" / "cats" / "bad.png").touch()
    result = ugbench(*FOLDERS, "--name", "pets", "--test", "2")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["split", "images"],
        ["trainA", "4"],
        ["trainB", "4"],
        ["testA", "2"],
        ["testB", "2"],
    ]
    assert result.stderr.splitlines() == [
        "photos/cats: 7 images.",
        "photos/dogs: 6 images.",
        "left out: photos/cats/bad.png: not a readable image (the file is empty); replace or remove it.",
        "pets is in datasets/pets; train with it:",
        "  ugbench train ugatit --dataset pets",
    ]
    assert ugbench("train", "ugatit", "--dataset", "pets", "--preset", "smoke", "--dry-run").exit_code == 0


def test_json_is_one_object_and_the_command_names_another_data_root(ugbench: Call, home: Path) -> None:
    result = ugbench(*FOLDERS, "--name", "pets", "--link", "--data-root", "my data", "--json")
    assert json.loads(result.stdout) == {
        "name": "pets",
        "root": "my data/pets",
        "images": {"trainA": 5, "trainB": 5, "testA": 1, "testB": 1},
        "link": True,
        "paired": False,
        "left_out": [],
        "notes": [],
    }
    assert result.stderr.splitlines()[-2:] == [
        "pets is in my data/pets, as links; train with it:",
        "  ugbench train ugatit --dataset pets --data-root 'my data'",
    ]
    assert all(path.is_symlink() for path in (home / "my data" / "pets" / "trainA").iterdir())


def test_of_many_images_that_cannot_be_read_the_first_are_printed_and_json_has_all(ugbench: Call, home: Path) -> None:
    for number in range(13):
        (home / "photos" / "cats" / f"bad{number:02}.png").touch()
    result = ugbench(*FOLDERS, "--name", "pets", "--json")
    lines = [line for line in result.stderr.splitlines() if line.startswith("left out: ")]
    assert len(lines) == 11
    assert lines[-1] == "left out: 3 more images; --json names all."
    assert len(json.loads(result.stdout)["left_out"]) == 13


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--a", "photos/cats", "--name", "x"], "--a: --b is missing; a data set needs the images of two domains."),
        (["--b", "photos/cats", "--name", "x"], "--b: --a is missing; "),
        (["--a", "photos/cats", "--b", "photos/dogs"], "--name is missing; it names the new data set for --dataset."),
        (["photos", "--a", "photos/cats", "--b", "photos/dogs"], "photos: an archive or folder and --a or --b do not"),
        (["--a", "", "--b", "photos/dogs", "--name", "x"], "--a '': that is no path; name one."),
        (["--a", "x.zip", "--b", "photos/dogs", "--name", "x"], "--a x.zip: no such folder; name a folder of images."),
        ([], "FILE or DIR is missing; name an archive or a folder, or two folders with --a and --b."),
        (["photos", "--test", "3"], "--test: only two folders of images take that; "),
        (["photos", "--recursive"], "--recursive: only two folders of images take that; "),
        (["photos", "--link"], "--link: only two folders of images take that; "),
        ([*FOLDERS[2:], "--name", "../x"], "--name ../x: a data set's name has only letters, digits, "),
        ([*FOLDERS[2:], "--name", "x", "--test", "0"], "--test 0: without test images nothing can be scored; give "),
        ([*FOLDERS[2:], "--name", "x", "--test", "0.0"], "--test 0.0: without test images nothing can be scored; "),
        ([*FOLDERS[2:], "--name", "x", "--test", "1.5"], "--test 1.5: that is no number and no share below 1; give "),
        ([*FOLDERS[2:], "--name", "x", "--test", "10%"], "--test 10%: that is no number and no share below 1; "),
        ([*FOLDERS[2:], "--name", "x", "--test", "6"], "--test 6: photos/cats has 6 images that can be read, and at"),
        ([*FOLDERS[2:], "--name", "taken"], "datasets/taken: something is there already; remove it, or give another"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_no_change(ugbench: Call, home: Path, words: list[str], says: str) -> None:
    (home / "datasets" / "taken" / "trainA").mkdir(parents=True)
    before = sorted(home.rglob("*"))
    result = ugbench("data", "import", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {says}")
    assert len(result.stderr.splitlines()) == 1
    assert sorted(home.rglob("*")) == before


def test_pairs_are_stated_if_they_are_asked_for(ugbench: Call, home: Path) -> None:
    result = ugbench(*FOLDERS, "--name", "pets", "--test", "2", "--paired", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["paired"] is True
    assert json.loads((home / "datasets" / "pets" / "dataset.json").read_text()) == {"pairs": "stems"}
