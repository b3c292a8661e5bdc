"""How many images of a folder are used, and how many files are passed over for which reason."""

import os
from pathlib import Path

import pytest
from drawn_images import make_data_set, save_flat
from PIL import Image

from ugbench.data import folders, images
from ugbench.data.check import check
from ugbench.data.datasets import open_dataset
from ugbench.data.folders import describe_folder, describe_splits
from ugbench.data.images import list_images
from ugbench.errors import DataError


def test_a_folder_is_described_by_what_is_used_and_what_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.JFIF", "c.jpe", "d.gif", "e.avif", "f.jpeg"):
        (tmp_path / name).touch()
    for name in ("one.heic", "two.HEIC", "notes.txt", "README", ".DS_Store", ".hidden.png"):
        (tmp_path / name).touch()
    for name in ("sub", "more.png"):
        (tmp_path / name).mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    monkeypatch.setattr(images, "reads_heif", lambda: False)
    assert describe_folder(tmp_path, "trainA") == (
        "trainA: 6 images; passed over: 2 .heic (install ugbench[heic]), 1 .png that is no plain file, 1 .txt, "
        "1 without a suffix, 1 broken link, 2 hidden files, 2 subfolders."
    )
    monkeypatch.setattr(images, "reads_heif", lambda: True)
    assert describe_folder(tmp_path, "trainA").startswith("trainA: 8 images; passed over: 1 .png that")
    assert len(list_images(tmp_path)) == 8


def test_a_folder_of_images_alone_is_one_count(tmp_path: Path) -> None:
    save_flat(tmp_path / "x" / "a.png")
    assert describe_folder(tmp_path / "x") == f"{tmp_path / 'x'}: 1 image."


def test_the_number_is_that_of_the_images_that_are_listed(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=2, trainB=3))
    (cats.root / "trainB" / "notes.txt").touch()
    assert list(describe_splits(cats)) == ["cats/trainA: 2 images.", "cats/trainB: 3 images; passed over: 1 .txt."]
    assert list(describe_splits(cats, ["trainB", "testA"])) == ["cats/trainB: 3 images; passed over: 1 .txt."]
    (finding,) = [finding for finding in check(cats).findings if finding.kind == "stray"]
    assert (finding.files, finding.found) == (("trainB/notes.txt",), "no images: 1 .txt")


@pytest.mark.parametrize("name", ["traina", "TrainA", "TRAINA"])
def test_a_folder_that_differs_in_case_alone_is_the_split(tmp_path: Path, name: str) -> None:
    plain = open_dataset(make_data_set(tmp_path / "plain" / "cats", trainA=2, trainB=1))
    cats = open_dataset(make_data_set(tmp_path / "cats", **{name: 2, "trainB": 1}))
    assert cats.splits() == ("trainA", "trainB")
    assert [path.parent.name for path in cats.split("trainA")] == [name, name]
    assert next(describe_splits(cats)) == f"cats/trainA (the folder {name}): 2 images."
    assert cats.fingerprint(["trainA", "trainB"]) == plain.fingerprint(["trainA", "trainB"])


def test_the_exact_name_goes_first_and_two_others_are_refused(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=1, TrainA=2, traina=3))
    assert len(cats.split("trainA")) == 1
    both = open_dataset(make_data_set(tmp_path / "both", TrainA=2, traina=3, trainB=1))
    with pytest.raises(DataError, match="TrainA and traina may both be trainA; rename the one that is"):
        both.split("trainA")


@pytest.mark.parametrize("near", ["train_A", "train-a", "A_train", "train/A", "A/train"])
def test_a_folder_that_is_called_nearly_so_is_named(tmp_path: Path, near: str) -> None:
    save_flat(tmp_path / "cats" / near / "0.png")
    with pytest.raises(DataError, match=rf"none of the subfolders .*; rename {near}, or run `ugbench data import"):
        open_dataset(tmp_path / "cats")
    save_flat(tmp_path / "cats" / "trainB" / "0.png")
    cats = open_dataset(tmp_path / "cats")
    sentence = f"cats/{near} is passed over; if it is trainA, rename it to trainA."
    assert list(describe_splits(cats)) == ["cats/trainB: 1 image.", sentence]
    save_flat(tmp_path / "cats" / "trainA" / "0.png")
    assert sentence not in list(describe_splits(cats))


def test_other_folders_are_called_nearly_like_no_split(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainB=1, masks=1, trainC=1))
    assert cats.near_names() == {}


def test_an_empty_file_is_no_reason_to_pass_it_over(tmp_path: Path) -> None:
    """It is a damaged image: training refuses it, or names it with --skip-bad."""
    (tmp_path / "a.png").touch()
    assert describe_folder(tmp_path, "x") == "x: 1 image."
    with pytest.raises(DataError, match=r"a\.png: not a readable image \(the file is empty\)"):
        images.read_image(tmp_path / "a.png")


def test_every_listed_suffix_is_read_whatever_its_case(tmp_path: Path) -> None:
    for suffix in images.SUFFIXES:
        Image.new("RGB", (16, 16), "red").save(tmp_path / f"x{suffix.upper()}")
    listed = list_images(tmp_path)
    assert len(listed) == len(images.SUFFIXES)
    for path in listed:
        red, green, blue = images.read_image(path).getpixel((8, 8))  # type: ignore[misc]
        assert red > 245 and max(green, blue) < 10
    assert folders.why_passed_over(tmp_path / "x.svg") == ".svg"
