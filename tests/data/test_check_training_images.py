from pathlib import Path

import pytest
from drawn_images import make_data_set
from PIL import Image

from ugbench.data.check import check_training_images
from ugbench.data.datasets import open_dataset
from ugbench.errors import DataError


def test_all_training_images_are_decoded_and_counted(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=3, trainB=2))
    seen: list[tuple[int, int]] = []
    readable, skipped = check_training_images(cats, progress=lambda done, total: seen.append((done, total)))
    assert readable == {"trainA": cats.split("trainA"), "trainB": cats.split("trainB")}
    assert skipped == []
    assert seen == [(i, 5) for i in range(1, 6)]


def test_an_unreadable_training_image_is_named_or_skipped(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=3, trainB=2))
    damaged = cats.root / "trainB" / "1.png"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"trainB/1\.png: not a readable image .*, or give --skip-bad\.$"):
        check_training_images(cats)
    readable, skipped = check_training_images(cats, skip_bad=True)
    assert skipped == ["trainB/1.png"]
    assert [len(paths) for paths in readable.values()] == [3, 1]
    assert damaged not in readable["trainB"]


def test_a_training_split_without_a_readable_image_is_refused_even_when_skipping(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=1, trainB=1))
    (cats.root / "trainA" / "0.png").write_text("no image")
    with pytest.raises(DataError, match=r"cats/trainA: none of its 1 images is readable"):
        check_training_images(cats, skip_bad=True)


def test_test_images_are_not_needed_for_training_but_training_images_are(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=1, testA=1, testB=1))
    with pytest.raises(DataError, match=r"trainB: no such folder"):
        check_training_images(cats)


def test_a_split_that_uses_little_of_its_range_is_said_once(tmp_path: Path) -> None:
    cats = open_dataset(make_data_set(tmp_path / "cats", trainA=3, trainB=3))
    for split, count in (("trainA", 2), ("trainB", 1)):
        for n in range(count):
            Image.linear_gradient("L").save(cats.root / split / f"{n}.png")
    lines: list[str] = []
    check_training_images(cats, log=lines.append)
    assert lines == [
        "trainB: 2 of 3 images use less than a twentieth of the range from black to white; "
        "`ugbench data check` says more."
    ]
