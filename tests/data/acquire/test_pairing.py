"""Two folders of pairs become a data set whose pairs stay together."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn_images import patches
from PIL import ImageOps

from ugbench.data.acquire.pairing import joined
from ugbench.data.acquire.two_folders import carry_out, plan_two_folders
from ugbench.data.datasets import open_dataset
from ugbench.errors import DataError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Ten images in colour as JPEG, some in a subfolder, and the same in grey as PNG."""
    for seed in range(10):
        stem = f"night/{seed}" if seed > 7 else f"{seed}"
        for folder, suffix, image in (
            ("colour", "jpg", patches(seed)),
            ("grey", "png", ImageOps.grayscale(patches(seed))),
        ):
            path = tmp_path / folder / f"{stem}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
    return tmp_path / "grey", tmp_path / "colour"


def test_partners_stay_together_and_the_data_set_states_the_pairs(folders: tuple[Path, Path], tmp_path: Path) -> None:
    dataset = open_dataset(carry_out(plan_two_folders(folders, "p", 4, recursive=True, paired=True), tmp_path / "d"))
    assert dataset.paired
    for kind, count in (("train", 6), ("test", 4)):
        stems = [[path.stem for path in dataset.split(f"{kind}{domain}")] for domain in "AB"]
        assert stems[0] == stems[1] and len(stems[0]) == count
    assert not open_dataset(carry_out(plan_two_folders(folders, "q", 4), tmp_path / "d")).paired


def test_links_and_pairs_are_both_stated(folders: tuple[Path, Path], tmp_path: Path) -> None:
    dataset = open_dataset(carry_out(plan_two_folders(folders, "p", 3, link=True, paired=True), tmp_path / "d"))
    assert dataset.paired and all(path.is_symlink() for path in dataset.split("testA"))


def test_near_duplicates_in_one_folder_keep_their_partners_together(folders: tuple[Path, Path]) -> None:
    """Image 1 in colour looks like image 0, and image 2 in grey like image 1: the three pairs are one group."""
    grey, colour = folders
    patches(0).resize((50, 50)).save(colour / "1.jpg")
    ImageOps.grayscale(patches(1)).resize((50, 50)).save(grey / "2.png")
    for test in range(1, 8):
        files = plan_two_folders(folders, "p", test, paired=True).files()
        for split in ("trainA", "trainB", "testA", "testB"):
            assert len({Path(name).stem for name in files[split]} & {"0", "1", "2"}) in (0, 3)


def test_an_image_whose_partner_cannot_be_read_is_left_out_too(folders: tuple[Path, Path]) -> None:
    grey, colour = folders
    (colour / "3.jpg").write_text("no image")
    (grey / "5.png").write_text("no image")
    plan = plan_two_folders(folders, "p", 2, paired=True)
    assert [sentence.partition(": ")[0] for sentence in plan.left_out()] == [
        *(f"{grey}/3.png", f"{grey}/5.png", f"{colour}/3.jpg", f"{colour}/5.jpg")
    ]
    assert plan.left_out()[0] == f"{grey}/3.png: its partner 3.jpg cannot be read; replace that one."
    assert sum(map(len, plan.files().values())) == 12


def test_images_without_a_partner_are_named_before_any_is_read(folders: tuple[Path, Path]) -> None:
    grey, colour = folders
    patches(70).save(grey / "x.png")
    patches(71).save(colour / "y.png")
    with pytest.raises(DataError) as caught:
        plan_two_folders(folders, "p", 2, paired=True, progress=lambda done, total: pytest.fail("an image was read"))
    assert str(caught.value) == (
        f"--paired: 2 images have no partner of the same stem in the other folder ({grey}/x.png, {colour}/y.png); add "
        "or rename the partners, or leave --paired out."
    )


def test_two_images_of_one_stem_are_no_clear_partner(folders: tuple[Path, Path]) -> None:
    colour = folders[1]
    patches(70).save(colour / "3.png")
    with pytest.raises(DataError, match=r"colour/3\.jpg and .*colour/3\.png have one stem, so their partner is not"):
        plan_two_folders(folders, "p", 2, paired=True)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ([0, 0, 1, 2, 3], [5, 4, 4, 3, 2], [0, 0, 0, 1, 2]),
        ([0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 1, 0, 1], [0, 0, 1, 2], [0, 0, 0, 0]),
        ([], [], []),
    ],
)
def test_groupings_are_joined_through_the_items_that_they_share(
    first: list[int], second: list[int], alike: list[int]
) -> None:
    groups = joined(first, second)
    numbers: dict[int, int] = {}
    assert [numbers.setdefault(group, len(numbers)) for group in groups] == alike
