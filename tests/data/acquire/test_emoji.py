"""Two families of emoji become a data set without pairs to train with, and with pairs to test with."""

from __future__ import annotations

import shutil
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from drawn_images import patches
from made_emoji import CODES, IDEAS, archive, drawing, package, png
from PIL import Image

from ugbench.data.acquire.emoji import EmojiPlan, carry_out, plan_emoji
from ugbench.data.dataset_json import read_statements
from ugbench.data.dataset_names import resolve
from ugbench.data.splits import SPLITS
from ugbench.errors import DataError


@pytest.fixture
def packages(tmp_path: Path) -> tuple[Path, Path]:
    return package(tmp_path, "google", 0), package(tmp_path, "twitter", 100)


def ideas_of(plan: EmojiPlan) -> list[set[str]]:
    return [set(plan.ideas[split]) for split in ("trainA", "trainB", "testA")]


def test_every_idea_but_flags_and_skin_tones_is_in_one_place(packages: tuple[Path, Path]) -> None:
    plan = plan_emoji(packages, "noto2twemoji", 4)
    assert plan.counts() == {"trainA": 4, "trainB": 4, "testA": 4, "testB": 4}
    assert plan.ideas["testA"] == plan.ideas["testB"]
    train_a, train_b, test = ideas_of(plan)
    assert not train_a & train_b and not (train_a | train_b) & test
    assert train_a | train_b | test == set(CODES)
    assert plan.notes == ()


def test_images_are_laid_over_white_and_stand_in_the_domain_of_their_family(
    packages: tuple[Path, Path], tmp_path: Path
) -> None:
    root = carry_out(plan_emoji(packages, "noto2twemoji", 4), tmp_path / "datasets")
    dataset = resolve("noto2twemoji", tmp_path / "datasets")
    for split in SPLITS:
        for path in dataset.split(split):
            image = np.asarray(Image.open(path))
            expected = np.asarray(patches((0 if split[-1] == "A" else 100) + CODES.index(path.stem)))
            assert image.shape == (64, 64, 3)
            assert (image[:, :32] == 255).all()
            assert (image[:, 32:] == expected[:, 32:]).all()
    assert read_statements(root).pairs


def test_the_credits_name_each_family_its_licence_and_its_file(packages: tuple[Path, Path], tmp_path: Path) -> None:
    root = carry_out(plan_emoji(packages, "noto2twemoji", 4), tmp_path / "datasets")
    text = (root / "CREDITS.md").read_text(encoding="utf-8")
    first, second = text.split("Domain B")
    assert "Noto Emoji" in first and "Apache License 2.0" in first and "emoji-datasource-google.tgz, SHA-256 " in first
    assert "Twemoji" in second and "CC BY 4.0" in second and "emoji-datasource-twitter.tgz, SHA-256 " in second


def test_the_choice_does_not_depend_on_the_order_of_files_or_on_archives(
    packages: tuple[Path, Path], tmp_path: Path
) -> None:
    unpacked = []
    for path in packages:
        with tarfile.open(path) as tar:
            tar.extractall(tmp_path / path.stem, filter="data")
        unpacked.append(tmp_path / path.stem / "package")
    assert plan_emoji((unpacked[0], unpacked[1]), "x", 4).ideas == plan_emoji(packages, "x", 4).ideas
    swapped = plan_emoji((packages[1], packages[0]), "x", 4)
    assert [family.name for family in swapped.families] == ["twitter", "google"]
    assert swapped.ideas["testA"] == plan_emoji(packages, "x", 4).ideas["testA"]


def test_near_duplicates_of_either_family_stay_in_one_place(tmp_path: Path) -> None:
    same = {f"package/img/twitter/64/{code}-fe0f.png": png(drawing(200)) for code in CODES[:3]}
    for test in range(1, 8):
        plan = plan_emoji((package(tmp_path, "google", 0), package(tmp_path, "twitter", 100, **same)), "x", test)
        assert sum(bool(set(CODES[:3]) & ideas) for ideas in ideas_of(plan)) == 1
        assert len(plan.ideas["testA"]) + len(plan.notes) >= test


def test_images_called_by_code_points_are_a_family_beside_a_list_of_ideas(
    packages: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "openmoji-72x72-color"
    folder.mkdir()
    for place, code in enumerate(CODES[:8]):
        patches(300 + place, (72, 72)).save(folder / f"{code.upper()}.png")
    patches(1).save(folder / "logo.png")
    plan = plan_emoji((packages[0], folder), "noto2openmoji", 2)
    assert set.union(*ideas_of(plan)) == set(CODES[:8])
    assert plan.families[1].name == "openmoji"
    assert plan.families[1].images[CODES[0]].size == (72, 72)


def test_a_wrong_package_is_one_sentence_that_names_it(packages: tuple[Path, Path], tmp_path: Path) -> None:
    google, twitter = packages
    folder = tmp_path / "photos"
    folder.mkdir()
    patches(0).save(folder / "cat.png")
    several = package(tmp_path, "apple", 0, **{"package/img/other/64/1f600.png": png(drawing(0))})
    pictures = archive(tmp_path / "pictures.tgz", {"1f600.png": png(drawing(1))})
    no_list = package(tmp_path, "facebook", 0, **{"package/emoji.json": b"[{}]"})
    shutil.copy(google, tmp_path / "cut.tgz")
    cut = tmp_path / "cut.tgz"
    cut.write_bytes(google.read_bytes()[:2000])
    broken = package(tmp_path, "messenger", 0, **{f"package/img/messenger/64/{CODES[3]}-fe0f.png": b"\x89PNG no"})
    for sources, words in (
        ((google, tmp_path / "none.tgz"), "none.tgz: no such file or folder"),
        ((folder, twitter), "photos: has no images called by code points, such as 1f600.png"),
        ((several, twitter), "has images in package/img/apple/64 and package/img/other/64; unpack it"),
        ((pictures, pictures), "neither has an emoji.json, which lists the ideas"),
        ((no_list, twitter), "package/emoji.json: is no list of emoji with their code points"),
        ((cut, twitter), "cut.tgz"),
        ((broken, twitter), f"img/messenger/64/{CODES[3]}-fe0f.png: "),
    ):
        with pytest.raises(DataError, match=r"^[^\n]+\.$") as error:
            plan_emoji(sources, "x", 2)
        assert words in str(error.value)


def test_too_few_ideas_or_a_name_that_cannot_be_are_refused(packages: tuple[Path, Path]) -> None:
    with pytest.raises(DataError, match=r"--test 11: \S+ and \S+ have 12 ideas in common"):
        plan_emoji(packages, "x", 11)
    plan_emoji(packages, "x", 10)
    with pytest.raises(DataError, match="--name a/b: "):
        plan_emoji(packages, "a/b", 2)


def test_progress_counts_the_images_of_both(packages: tuple[Path, Path]) -> None:
    counts: list[tuple[int, int]] = []
    plan_emoji(packages, "x", 2, lambda count, total: counts.append((count, total)))
    assert counts[-1] == (2 * IDEAS, 2 * IDEAS)
    assert all(first[0] + 1 == second[0] for first, second in pairwise(counts))
