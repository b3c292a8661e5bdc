import hashlib
import os
import shutil
from pathlib import Path

import pytest
from drawn_images import make_data_set
from PIL import Image

from ugbench.data.datasets import open_dataset
from ugbench.data.splits import SPLITS
from ugbench.errors import DataError


def test_a_data_set_gives_its_splits_sorted(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=2, testA=11))
    assert (cats.name, cats.root, cats.dial) == ("cats", tmp_path / "cats", None)
    assert [path.name for path in cats.split("testA")][:3] == ["0.png", "1.png", "10.png"]
    (tmp_path / "cats" / "testB").mkdir()
    assert [cats.has(split) for split in SPLITS] == [True, False, True, False]
    with pytest.raises(DataError, match=r"cats/trainB: no such folder"):
        cats.split("trainB")


def test_a_folder_without_splits_and_no_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has none of the subfolders trainA, trainB, testA, testB"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match=r"gone: no such folder"):
        open_dataset(tmp_path / "gone")


def test_the_fingerprint_is_that_of_names_and_contents(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=1, trainB=1))
    lines = ""
    for name in ("trainA/0.png", "trainB/0.png"):
        lines += f"{name}\0{hashlib.sha256((cats.root / name).read_bytes()).hexdigest()}\n"
    assert cats.fingerprint(["trainB", "trainA"]) == hashlib.sha256(lines.encode()).hexdigest()


def test_the_fingerprint_follows_content_not_place_or_order_or_stray_files(tmp_path: Path) -> None:
    first = open_dataset(make_data_set(tmp_path / "cats", trainA=3, trainB=2, testA=1))
    print_ = first.fingerprint(["trainA", "trainB"])
    shutil.copytree(first.root, tmp_path / "moved")
    (tmp_path / "moved" / "trainA" / "notes.txt").write_text("stray")
    (tmp_path / "moved" / "testA" / "0.png").unlink()
    assert open_dataset(tmp_path / "moved").fingerprint(["trainB", "trainA", "trainB"]) == print_
    for change in (
        lambda root: (root / "trainA" / "1.png").rename(root / "trainA" / "9.png"),
        lambda root: (root / "trainB" / "1.png").unlink(),
        lambda root: Image.new("RGB", (6, 6), "white").save(root / "trainA" / "0.png"),
    ):
        shutil.rmtree(tmp_path / "moved")
        shutil.copytree(first.root, tmp_path / "moved")
        change(tmp_path / "moved")
        assert open_dataset(tmp_path / "moved").fingerprint(["trainA", "trainB"]) != print_


def test_what_was_skipped_does_not_count_in_the_fingerprint(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=3))
    whole = cats.fingerprint(["trainA"])
    (cats.root / "trainA" / "bad.png").write_text("no image")
    assert cats.fingerprint(["trainA"]) != whole
    assert cats.fingerprint(["trainA"], skip=["trainA/bad.png"]) == whole


def test_a_fingerprint_with_the_former_content_of_an_image_is_that_before_it_changed(tmp_path: Path) -> None:
    root = make_data_set(tmp_path / "cats", trainA=2, trainB=1)
    former = hashlib.sha256((root / "trainA" / "1.png").read_bytes()).hexdigest()
    before = open_dataset(root).fingerprint(["trainA", "trainB"])
    (root / "trainA" / "1.png").write_bytes(b"another image")
    cats = open_dataset(root)
    assert cats.fingerprint(["trainA", "trainB"], replaced={"trainA/1.png": former}) == before
    assert cats.fingerprint(["trainA", "trainB"]) != before
    assert cats.fingerprint(["trainA", "trainB"], replaced={"trainA/0.png": former}) != before
    assert cats.fingerprint(["trainA", "trainB"], replaced={"trainA/1.png": former}) == before


def test_files_that_come_and_go_change_the_fingerprint_of_a_data_set_that_was_hashed(tmp_path: Path) -> None:
    root = make_data_set(tmp_path / "cats", trainA=2, trainB=2)
    cats = open_dataset(root)
    seen: list[tuple[int, int]] = []
    before = cats.fingerprint(["trainA", "trainB"], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    shutil.copy(root / "trainA" / "0.png", root / "trainA" / "2.png")
    assert cats.fingerprint(["trainA", "trainB"]) == open_dataset(root).fingerprint(["trainA", "trainB"]) != before
    (root / "trainA" / "2.png").unlink()
    assert cats.fingerprint(["trainA", "trainB"]) == before
    (root / "trainA" / "1.png").rename(root / "trainA" / "3.png")
    assert cats.fingerprint(["trainA", "trainB"]) == open_dataset(root).fingerprint(["trainA", "trainB"]) != before


def test_the_fingerprint_hashes_the_bytes_of_names_that_are_not_utf8(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / os.fsdecode(b"c\xe9"), trainA=1))
    raw = b"trainA/caf\xe9.png"
    (cats.root / "trainA" / "0.png").rename(cats.root / os.fsdecode(raw))
    line = raw + b"\0" + hashlib.sha256((cats.root / os.fsdecode(raw)).read_bytes()).hexdigest().encode() + b"\n"
    assert cats.fingerprint(["trainA"]) == hashlib.sha256(line).hexdigest()
    assert cats.fingerprint(["trainA"], skip=["trainA/caf\udce9.png"]) == hashlib.sha256().hexdigest()
    assert cats.name == "c%E9"
