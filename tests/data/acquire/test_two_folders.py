"""Two folders of images become a data set."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from drawn_images import patches
from PIL import ImageOps

from ugbench.data import images
from ugbench.data.acquire.two_folders import TwoFoldersPlan, carry_out, plan_two_folders
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import open_dataset
from ugbench.data.splits import SPLITS
from ugbench.errors import DataError


def draw(folder: Path, seeds: range, suffix: str = ".png") -> Path:
    """A folder of images that look different, one for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        patches(seed).save(folder / f"{seed}{suffix}")
    return folder


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    return draw(tmp_path / "photos" / "cats", range(10))


@pytest.fixture
def dogs(tmp_path: Path) -> Path:
    return draw(tmp_path / "photos" / "dogs", range(100, 108))


def names(plan: TwoFoldersPlan) -> dict[str, list[str]]:
    return {split: sorted(paths) for split, paths in plan.files().items()}


def test_every_image_is_copied_into_one_split(cats: Path, dogs: Path, tmp_path: Path) -> None:
    root = carry_out(plan_two_folders((cats, dogs), "pets", 3), tmp_path / "datasets")
    assert root == tmp_path / "datasets" / "pets"
    dataset = resolve("pets", tmp_path / "datasets")
    assert [len(dataset.split(split)) for split in SPLITS] == [7, 5, 3, 3]
    for letter, folder in (("A", cats), ("B", dogs)):
        copies = {path.name: path.read_bytes() for kind in ("train", "test") for path in dataset.split(kind + letter)}
        assert copies == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert not (root / "dataset.json").exists()
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["pets"]


def test_a_share_counts_for_each_folder(cats: Path, dogs: Path) -> None:
    plan = plan_two_folders((cats, dogs), "pets", 0.25)
    assert [len(paths) for paths in names(plan).values()] == [8, 6, 2, 2]


def test_the_same_images_give_the_same_split_under_other_names_and_in_another_place(
    cats: Path, dogs: Path, tmp_path: Path
) -> None:
    def contents(plan: TwoFoldersPlan) -> dict[str, set[str]]:
        return {
            split: {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths.values()}
            for split, paths in plan.files().items()
        }

    other = tmp_path / "renamed"
    other.mkdir()
    for number, path in enumerate(sorted(cats.iterdir(), reverse=True)):
        shutil.copyfile(path, other / f"photo{number}.png")
    first, second = (plan_two_folders((folder, dogs), "pets", 4) for folder in (cats, other))
    assert contents(first) == contents(second)
    assert names(first)["testA"] != names(second)["testA"]


def test_an_image_more_moves_no_other_from_train_to_test(cats: Path, dogs: Path) -> None:
    before = set(names(plan_two_folders((cats, dogs), "pets", 4))["testA"])
    draw(cats, range(50, 51))
    after = set(names(plan_two_folders((cats, dogs), "pets", 4))["testA"])
    assert len(after - before - {"50.png"}) == 0 and len(after) == 4


def test_near_duplicates_stay_on_one_side(cats: Path, dogs: Path) -> None:
    for seed in range(10):  # each image once more as a mirror image, and once as a small JPEG
        ImageOps.mirror(patches(seed)).save(cats / f"{seed}m.png")
        patches(seed).resize((40, 40)).save(cats / f"{seed}s.jpg")
    plan = plan_two_folders((cats, dogs), "pets", 7)
    split = names(plan)
    stems = {side: {name[0] for name in split[side]} for side in ("trainA", "testA")}
    assert not stems["trainA"] & stems["testA"]
    assert (len(split["trainA"]), len(split["testA"])) == (24, 6)
    assert plan.notes == (
        f"{cats}: 10 groups of near-duplicates (30 images); each stays whole in train or test.",
        f"{cats}: 6 test images in place of 7, so that no group is divided.",
    )


def test_images_of_which_all_are_near_duplicates_cannot_be_split(dogs: Path, tmp_path: Path) -> None:
    film = tmp_path / "film"
    film.mkdir()
    for size in range(40, 52):
        patches(0).resize((size, size)).save(film / f"{size}.png")
    with pytest.raises(DataError, match=r"--a .*film: near-duplicates stay together, and .* has 12 images"):
        plan_two_folders((film, dogs), "pets", 4)


def test_images_that_cannot_be_read_are_left_out_and_named(
    cats: Path, dogs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "reads_heif", lambda: False)
    (cats / "bad.jpg").write_text("no image")
    (cats / "phone.heic").touch()
    (cats / ".hidden.png").touch()
    (cats / "sub").mkdir()
    plan = plan_two_folders((cats, dogs), "pets", 2)
    assert [sentence.partition(": ")[0] for sentence in plan.left_out()] == [str(cats / "bad.jpg")]
    assert plan.left_out()[0].endswith("; replace or remove it.")
    assert sum(len(paths) for split, paths in names(plan).items() if split[-1] == "A") == 10
    assert plan.domains["A"].listing.sentence() == (
        f"{cats}: 11 images; passed over: 1 .heic (install ugbench[heic]), 1 hidden file, 1 subfolder."
    )


def test_subfolders_are_searched_if_they_are_asked_for(cats: Path, dogs: Path, tmp_path: Path) -> None:
    draw(cats / "may" / "early", range(20, 23))
    draw(cats / ".trash", range(30, 31))
    (cats / "may" / "notes.txt").touch()
    (cats / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert sum(map(len, plan_two_folders((cats, dogs), "pets", 2).files().values())) == 18
    plan = plan_two_folders((cats, dogs), "pets", 2, recursive=True)
    files = plan.files()
    assert {**files["trainA"], **files["testA"]}["may-early-20.png"] == cats / "may" / "early" / "20.png"
    assert len(files["trainA"]) + len(files["testA"]) == 13
    assert (
        plan.domains["A"].listing.sentence().endswith("13 images; passed over: 1 .txt, 1 broken link, 1 hidden file.")
    )


def test_images_of_one_stem_get_distinct_names(cats: Path, dogs: Path) -> None:
    draw(cats, range(60, 61), ".jpg")
    patches(61).save(cats / "60.png")
    plan = plan_two_folders((cats, dogs), "pets", 2)
    stems = [Path(name).stem for split in ("trainA", "testA") for name in names(plan)[split]]
    assert len(stems) == len(set(stems)) == 12
    assert f"{cats}: 1 image of an equal stem got another name, as 60-2.png for 60.png." in plan.notes


def test_links_are_made_and_recorded(cats: Path, dogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = (Path("photos/cats"), Path("photos/dogs"))
    root = carry_out(plan_two_folders(folders, "pets", 2, link=True), Path("datasets"))
    links = json.loads((root / "dataset.json").read_text())["links"]
    assert len(links) == 18
    assert all((root / name).readlink() == Path(target) and Path(target).is_file() for name, target in links.items())
    assert {Path(target).parent for target in links.values()} == {cats, dogs}
    copied = carry_out(plan_two_folders((cats, dogs), "copied", 2), tmp_path / "datasets")
    assert open_dataset(root).fingerprint(SPLITS) == open_dataset(copied).fingerprint(SPLITS)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ("cats", "cats", "--a .*cats and --b .*cats are the same folder; name one folder per domain"),
        ("cats", "again", "--a .*cats and --b .*again are the same folder"),
        (".", "dogs", "--b .*dogs lies in the other folder, .*photos; move it out"),
        ("dogs", ".", "--a .*dogs lies in the other folder, .*photos; move it out"),
        ("mice", "dogs", "--a .*mice: no such folder; name a folder of images"),
        ("cats", "cats/0.png", "--b .*0.png: is a file; unpack it if it is an archive, and name the folder"),
        ("empty", "dogs", "empty: holds no image; put files of these kinds in it: png"),
        ("nested", "dogs", "nested: holds no image, but 1 subfolder; give --recursive if"),
        ("unreadable", "dogs", "unreadable: none of its 1 images is readable; replace them"),
        ("cats", "mixed", r"--a .*cats and --b .*mixed: 2 images are in both, as 3\.png and 3\.bmp; remove them from"),
    ],
)
def test_folders_that_are_no_two_domains_are_one_sentence(
    cats: Path, dogs: Path, tmp_path: Path, a: str, b: str, says: str
) -> None:
    photos = tmp_path / "photos"
    (photos / "again").symlink_to(cats)
    (photos / "empty").mkdir()
    draw(photos / "nested" / "below", range(200, 203))
    (photos / "unreadable").mkdir()
    (photos / "unreadable" / "x.png").touch()
    draw(draw(photos / "mixed", range(3, 5), ".bmp"), range(300, 303))
    with pytest.raises(DataError, match=says) as caught:
        plan_two_folders((photos / a, photos / b), "pets", 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("test", [8, 9, 0.95])
def test_more_test_images_than_there_are_is_refused(cats: Path, dogs: Path, test: float) -> None:
    with pytest.raises(DataError, match=rf"--test {test}: .*s has (8|10) images that can be read, and at least one"):
        plan_two_folders((cats, dogs), "pets", test)


@pytest.mark.parametrize("link", [False, True])
def test_an_interrupted_import_leaves_nothing(cats: Path, dogs: Path, tmp_path: Path, link: bool) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 18
        if done == 9:
            raise KeyboardInterrupt

    plan = plan_two_folders((cats, dogs), "pets", 2, link=link)
    with pytest.raises(KeyboardInterrupt):
        carry_out(plan, tmp_path / "datasets", stop)
    assert list((tmp_path / "datasets").iterdir()) == []


def test_progress_counts_the_images_of_both_folders(cats: Path, dogs: Path) -> None:
    calls: list[tuple[int, int]] = []
    plan_two_folders((cats, dogs), "pets", 2, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 18) for done in range(1, 19)]
