"""The validation split and the checkpoint that it chooses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ugbench.analysis.selection import validation_split
from ugbench.errors import UsageError


def draw(folder: Path, count: int, start: int = 0) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = []
    for number in range(start, start + count):
        pixels = np.random.default_rng(number).integers(0, 256, (2, 2, 3), dtype=np.uint8)
        files.append(folder / f"{number:04}.png")
        Image.fromarray(pixels).save(files[-1])
    return files


@pytest.mark.parametrize(("count", "wanted"), [(2, 2), (19, 2), (30, 3), (39, 3), (1200, 100)])
def test_it_is_a_tenth_with_2_at_least_and_100_at_most(count: int, wanted: int, tmp_path: Path) -> None:
    files = draw(tmp_path / "a", count)
    chosen = validation_split(files)
    assert len(chosen) == wanted
    assert list(chosen) == [file for file in files if file in chosen]


def test_names_do_not_matter(tmp_path: Path) -> None:
    files = draw(tmp_path / "a", 40)
    before = {file.read_bytes() for file in validation_split(files)}
    renamed = [file.rename(file.with_name(f"{999 - n}.png")) for n, file in enumerate(files)]
    assert {file.read_bytes() for file in validation_split(renamed)} == before


def test_more_images_leave_the_chosen_ones_in_it_unless_a_new_one_takes_the_place(tmp_path: Path) -> None:
    files = draw(tmp_path / "a", 40)
    before = set(validation_split(files))
    new = draw(tmp_path / "a", 9, start=40)
    after = set(validation_split([*files, *new]))
    assert len(after) == len(before) == 4
    assert after - before <= set(new), "an old image that was not chosen never comes in for another old one"


def test_one_training_image_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs 2 training images per domain; there are 1 in .*/a\."):
        validation_split(draw(tmp_path / "a", 1))
