"""A folder of images without trainA, trainB, testA and testB: the error holds the command that makes a data set."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from commands import invoke
from drawn_images import patches, save_flat

from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import open_dataset
from ugbench.errors import DataError

LACKS = "photos: has none of the subfolders trainA, trainB, testA, testB"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(folder: str, *files: str, data_root: str = "datasets") -> str:
    for file in files:
        save_flat(Path(folder) / file)
    with pytest.raises(DataError) as caught:
        resolve(folder, Path(data_root))
    return str(caught.value)


def test_two_folders_of_images_are_named_in_the_command() -> None:
    assert refusal("photos", "cats/1.png", "dogs/1.png") == (
        f"{LACKS}, but images in cats and dogs; make a data set of them: `ugbench data import --a photos/cats --b "
        "photos/dogs --name photos`."
    )


def test_of_more_folders_two_are_chosen_and_hidden_and_empty_ones_are_none() -> None:
    files = ("cats/1.png", "dogs/1.png", "mice/1.png", "rats/1.png", "voles/1.png", ".trash/1.png")
    Path("photos/empty").mkdir(parents=True)
    assert refusal("photos", *files) == (
        f"{LACKS}, but images in 5 others (cats, dogs, mice, rats, …); make a data set of two of them: `ugbench data "
        "import --a photos/cats --b photos/dogs --name photos`."
    )


def test_images_in_subfolders_need_recursive() -> None:
    command = "ugbench data import --a photos/cats --b photos/dogs --name photos --recursive"
    assert refusal("photos", "cats/may/1.png", "dogs/1.png").endswith(f": `{command}`.")


def test_folders_of_train_and_test_are_moved_and_not_taken_for_domains() -> None:
    files = ("train/cats/1.png", "train/dogs/1.png", "test/cats/1.png", "test/dogs/1.png", "train/wild/1.png")
    assert refusal("photos", *files) == (
        f"{LACKS}, but folders of images in train; move train/cats to trainA, train/dogs to trainB, test/cats to testA "
        "and test/dogs to testB."
    )
    assert refusal("other", "train/1.png", "test/1.png").endswith("testB; put the images in those.")


def test_one_folder_and_images_beside_none_are_one_domain() -> None:
    assert refusal("photos", "cats/1.png") == (
        f"{LACKS}, but images in cats; make a data set of that folder and of one with the images of the other domain: "
        "`ugbench data import --a photos/cats --b DIR --name photos`."
    )
    assert refusal("photos", "1.png") == (
        f"{LACKS}, but images in its top; make a data set of that folder and of one with the images of the other "
        "domain: `ugbench data import --a photos --b DIR --name NAME`."
    )


def test_the_name_is_one_that_is_free_and_allowed() -> None:
    save_flat(Path("datasets/photos/cats/1.png"))
    assert "--name cats2dogs`" in refusal("datasets/photos", "dogs/1.png")
    save_flat(Path("datasets/cats2dogs/trainA/1.png"))
    assert "--name NAME`" in refusal("datasets/photos")
    assert "--name cats2mice`" in refusal("my photos", "cats/1.png", "mice/1.png")


def test_the_command_of_any_folder_works_as_it_is_shown() -> None:
    for number, name in enumerate(("big cats", "dogs")):
        Path("my photos", name).mkdir(parents=True)
        for seed in range(3):
            patches(100 * number + seed).save(Path("my photos", name, f"{seed}.png"))
    command = refusal("my photos", data_root="data sets").split("`")[1]
    words = shlex.split(command.replace("NAME", "pets"))[1:]
    assert invoke(*words).exit_code == 0
    assert resolve("pets", Path("data sets")).splits() == ("trainA", "trainB", "testA", "testB")


def test_without_a_data_root_the_default_is_meant() -> None:
    save_flat(Path("photos/cats/1.png"))
    save_flat(Path("photos/dogs/1.png"))
    with pytest.raises(DataError, match="--name photos`"):
        open_dataset(Path("photos"))


def test_train_and_check_say_so(home: Path) -> None:
    for name in ("cats", "dogs"):
        save_flat(home / "photos" / name / "1.png")
    for words in (("train", "ugatit", "--dataset", "photos"), ("data", "check", "photos")):
        result = invoke(*words)
        assert result.exit_code == 2
        assert result.stderr.endswith("`ugbench data import --a photos/cats --b photos/dogs --name photos`.\n")
