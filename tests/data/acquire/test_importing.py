import errno
import json
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from ugbench.data.acquire import importing, placing
from ugbench.data.acquire.importing import carry_out, plan_import
from ugbench.data.dataset_json import LARGEST
from ugbench.data.dataset_names import resolve
from ugbench.data.splits import SPLITS
from ugbench.errors import DataError


def tree(root: Path, *names: str) -> Path:
    """A folder of files, each of which holds its own name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def zipped(path: Path, *names: str, **texts: str) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name in names:
            out.writestr(name, name)
        for stem, text in texts.items():
            out.writestr(f"{stem}.txt", text)
    return path


def laid_out(root: Path) -> dict[str, str]:
    """Every file below a folder and what it holds: for these tests, where it came from."""
    return {path.relative_to(root).as_posix(): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


FOUR = ("trainA/1.jpg", "trainB/1.jpg", "testA/1.jpg", "testB/1.jpg")


def test_an_archive_as_cyclegan_and_drit_publish_them_is_laid_out_under_its_own_name(tmp_path: Path) -> None:
    names = [f"horse2zebra/{name}" for name in FOUR]
    plan = plan_import(zipped(tmp_path / "download.zip", *names))
    assert (plan.name, plan.layout, plan.swapped) == ("horse2zebra", "folders", False)
    folder = carry_out(plan, tmp_path / "datasets")
    assert folder == tmp_path / "datasets" / "horse2zebra"
    assert laid_out(folder) == {name: f"horse2zebra/{name}" for name in FOUR}
    assert resolve("horse2zebra", tmp_path / "datasets").splits() == SPLITS


def test_drits_portrait_gets_the_papers_name(tmp_path: Path) -> None:
    assert plan_import(zipped(tmp_path / "x.zip", "portrait/trainA/1.jpg")).name == "photo2portrait"
    assert plan_import(zipped(tmp_path / "portrait.zip", "trainA/1.jpg")).name == "photo2portrait"


def test_van_gogh_to_photo_swaps_a_and_b_unless_its_original_name_is_asked_for(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", *(f"vangogh2photo/{name}" for name in FOUR))
    plan = plan_import(archive)
    assert (plan.name, plan.swapped) == ("photo2vangogh", True)
    assert "A and B change places, as photo2vangogh says." in plan.notes
    assert laid_out(carry_out(plan, tmp_path)) == {
        "trainA/1.jpg": "vangogh2photo/trainB/1.jpg",
        "trainB/1.jpg": "vangogh2photo/trainA/1.jpg",
        "testA/1.jpg": "vangogh2photo/testB/1.jpg",
        "testB/1.jpg": "vangogh2photo/testA/1.jpg",
    }
    assert not plan_import(archive, "vangogh2photo").swapped
    assert not plan_import(archive, "paintings").swapped


def test_the_name_swaps_any_two_domains(tmp_path: Path) -> None:
    plan = plan_import(tree(tmp_path / "day2night", "trainA/day.png", "trainB/night.png"), "night2day")
    assert laid_out(carry_out(plan, tmp_path)) == {
        "trainA/night.png": "trainB/night.png",
        "trainB/day.png": "trainA/day.png",
    }


def test_a_folder_and_a_tar_do_as_well_as_a_zip(tmp_path: Path) -> None:
    folder = tree(tmp_path / "cats", *FOUR)
    with tarfile.open(tmp_path / "cats.tar.gz", "w:gz") as out:
        out.add(folder, "cats")
    for source in (folder, tmp_path / "cats.tar.gz"):
        assert plan_import(source).name == "cats"
        made = carry_out(plan_import(source, f"from{source.suffix.strip('.')}"), tmp_path)
        assert laid_out(made) == {name: name for name in FOUR}
    assert laid_out(folder) == {name: name for name in FOUR}


@pytest.mark.parametrize("name", ["TrainA", "train_a", "train/A", "A/train", "deep/down/trainA"])
def test_names_of_splits_are_recognised_in_several_ways(tmp_path: Path, name: str) -> None:
    plan = plan_import(tree(tmp_path / "cats", f"{name}/1.png"))
    assert plan.files == {"trainA": {PurePosixPath(f"{name}/1.png"): "1.png"}}


def test_only_images_directly_in_a_splits_folder_count_and_the_rest_is_reported(tmp_path: Path) -> None:
    names = (
        "trainA/1.png",
        "trainA/more/2.png",
        "trainA/notes.txt",
        "trainA/.3.png",
        "__MACOSX/trainA/1.png",
        "README",
    )
    plan = plan_import(zipped(tmp_path / "cats.zip", *names))
    assert plan.counts() == {"trainA": 1, "trainB": 0, "testA": 0, "testB": 0}
    assert plan.notes == (
        "there is no trainB; training needs it.",
        "there is no testA; scores need it.",
        "there is no testB; scores need it.",
        "1 images are in no split and are left out, as trainA/more/2.png.",
        "passed over: 1 .txt, 1 without a suffix, 2 hidden files.",
    )
    assert laid_out(carry_out(plan, tmp_path / "datasets")) == {"trainA/1.png": "trainA/1.png"}


def test_lists_of_names_make_splits_of_one_pool_of_images(tmp_path: Path) -> None:
    source = tree(tmp_path / "faces", *(f"images/{k}.jpg" for k in range(5)))
    (source / "trainA.txt").write_text("# faces\nimages/0.jpg\nimages/1.jpg\n\nimages/1.jpg\n")
    (source / "list_train_b.txt").write_text("2.jpg\n./images/3.jpg\nimages/9.jpg\n")
    (source / "testA.txt").write_text("images/0.jpg\n")
    plan = plan_import(source)
    assert plan.layout == "lists"
    assert laid_out(carry_out(plan, tmp_path / "datasets")) == {
        "testA/0.jpg": "images/0.jpg",
        "trainA/0.jpg": "images/0.jpg",
        "trainA/1.jpg": "images/1.jpg",
        "trainB/2.jpg": "images/2.jpg",
        "trainB/3.jpg": "images/3.jpg",
    }
    assert "list_train_b.txt names 1 images that are not there, as images/9.jpg." in plan.notes
    assert plan.notes[-1] == "1 images are in no split and are left out, as images/4.jpg."


def test_lists_in_an_archive_are_read_too_and_cannot_lead_out_of_it(tmp_path: Path) -> None:
    tree(tmp_path, "secret.png")
    archive = zipped(tmp_path / "faces.zip", "a/1.png", trainA="a/1.png\n../secret.png\n/etc/2.png")
    plan = plan_import(archive)
    assert plan.counts()["trainA"] == 1
    assert "trainA.txt names 2 images that are not there, as ../secret.png." in plan.notes
    made = carry_out(plan, tmp_path / "datasets")
    assert laid_out(made) == {"trainA/1.png": "a/1.png"}


def test_listed_images_of_one_file_name_keep_their_folders_in_their_names(tmp_path: Path) -> None:
    source = tree(tmp_path / "faces", "a/1.png", "b/1.png")
    (source / "testB.txt").write_text("a/1.png\nb/1.png")
    assert laid_out(carry_out(plan_import(source, "x"), tmp_path)) == {
        "testB/a_1.png": "a/1.png",
        "testB/b_1.png": "b/1.png",
    }


def test_counts_that_differ_from_the_papers_are_noted_and_not_refused(tmp_path: Path) -> None:
    notes = plan_import(zipped(tmp_path / "cat2dog.zip", *FOUR)).notes
    assert notes[0] == "trainA has 1 images where the paper has 771."
    assert notes[-1] == "Counts of cat2dog disagree in print: the page gives 871 cats and 1364 dogs in all."
    assert len(notes) == 5


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), r"holds no file; name an archive or a folder with files of these kinds: png jpg"),
        (("trainA/readme.md",), r"holds 1 files and no image among them; "),
        (
            ("cats/1.png", "dogs/1.png"),
            r"has images in cats, dogs, but no folder that is called trainA, trainB, testA, ",
        ),
        (("1.png",), r"has images in its top, but no folder"),
        (("x/trainA/1.png", "y/trainA/1.png"), r"has two folders for trainA, x/trainA and y/trainA; "),
    ],
)
def test_an_unknown_layout_is_refused_with_what_was_found(tmp_path: Path, names: tuple[str, ...], reason: str) -> None:
    (tmp_path / "folder").mkdir()
    for source in (zipped(tmp_path / "x.zip", *names), tree(tmp_path / "folder", *names)):
        with pytest.raises(DataError, match=reason) as error:
            plan_import(source)
        assert str(error.value).startswith(f"{source}: ")


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "dial:x", "dial", "a" * 200, "x\ny"])
def test_a_name_that_a_folder_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"(?s)--name .*: a data set's name has only letters, digits"):
        plan_import(tree(tmp_path / "cats", *FOUR), name)


def test_a_source_with_a_name_that_is_not_allowed_asks_for_another(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"my cats: its name 'my cats': a data set's name has only .* and is not dial; give --name NAME"
    ):
        plan_import(tree(tmp_path / "my cats", *FOUR))


def test_an_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    plan = plan_import(tree(tmp_path / "source" / "cats", *FOUR))
    tree(tmp_path / "datasets" / "cats", "thesis.tex")
    with pytest.raises(
        DataError, match=r"datasets/cats: something is there already; remove it, or give another --name"
    ):
        carry_out(plan, tmp_path / "datasets")
    assert laid_out(tmp_path / "datasets") == {"cats/thesis.tex": "thesis.tex"}


def test_an_interrupted_import_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert total == 4
        if done == 2:
            raise KeyboardInterrupt

    for source in (tree(tmp_path / "cats", *FOUR), zipped(tmp_path / "cats.zip", *FOUR)):
        with pytest.raises(KeyboardInterrupt):
            carry_out(plan_import(source), tmp_path / "datasets", stop)
        assert list((tmp_path / "datasets").iterdir()) == []


def test_a_disk_without_room_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_import(tree(tmp_path / "cats", *FOUR))
    monkeypatch.setattr(placing.shutil, "disk_usage", lambda _: placing.shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(DataError, match=r"datasets: has room for 0\.00 GB, and the images of .*; make room, or give"):
        carry_out(plan, tmp_path / "datasets")
    assert list((tmp_path / "datasets").iterdir()) == []


def test_a_folder_that_holds_itself_by_a_link_is_walked_once(tmp_path: Path) -> None:
    source = tree(tmp_path / "cats", "trainA/1.png")
    (source / "again").symlink_to(source)
    (source / "trainB").symlink_to(tree(tmp_path / "disk", "2.png"))
    assert laid_out(carry_out(plan_import(source, "x"), tmp_path)) == {
        "trainA/1.png": "trainA/1.png",
        "trainB/2.png": "2.png",
    }


def test_a_data_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    plan = plan_import(tree(tmp_path / "cats", *FOUR))
    with pytest.raises(DataError, match=r"cats/trainA/1\.jpg: .*, so nothing was imported; to fix this"):
        carry_out(plan, tmp_path / "cats" / "trainA" / "1.jpg")


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(importing.shutil, "copyfile", full)
    with pytest.raises(DataError, match=r"1\.jpg: No space left on device, so nothing was imported; to fix this, "):
        carry_out(plan_import(tree(tmp_path / "cats", *FOUR)), tmp_path / "datasets")
    assert list((tmp_path / "datasets").iterdir()) == []


def test_pairs_are_stated_in_the_new_data_set_if_they_are_asked_for(tmp_path: Path) -> None:
    source = tree(tmp_path / "maps", *FOUR, "testA/2.png", "testB/2.jpg")
    assert not plan_import(source).paired
    folder = carry_out(plan_import(source, paired=True), tmp_path / "datasets")
    assert json.loads((folder / "dataset.json").read_text()) == {"pairs": "stems"}
    assert resolve("maps", tmp_path / "datasets").paired
    assert not resolve(str(source), tmp_path).paired


@pytest.mark.parametrize("packed", [False, True])
def test_a_statement_beside_the_splits_is_taken_over(tmp_path: Path, packed: bool) -> None:
    folder = tree(tmp_path / "download", *(f"maps/{name}" for name in FOUR))
    (folder / "maps/dataset.json").write_text('{"pairs": "stems"}')
    (folder / "dataset.json").write_text("this one lies elsewhere")
    source = folder
    if packed:
        source = tmp_path / "maps.zip"
        with zipfile.ZipFile(source, "w") as out:
            for path in folder.rglob("*.*"):
                out.write(path, path.relative_to(folder))
    plan = plan_import(source)
    assert plan.paired
    assert plan.notes == ("passed over: 1 .json.",)
    assert resolve(str(carry_out(plan, tmp_path / "datasets")), tmp_path).paired


def test_test_images_without_a_partner_cannot_be_imported_as_pairs(tmp_path: Path) -> None:
    source = tree(tmp_path / "maps", *FOUR, "testA/2.png", "testB/3.png")
    with pytest.raises(DataError, match=r"maps: 2 test images have no partner .* \(testA/2\.png, testB/3\.png\)"):
        plan_import(source, paired=True)
    assert plan_import(source).counts()["testA"] == 2
    tree(source, "testA/1.png")
    with pytest.raises(DataError, match=r"maps: two images of testA have one stem, so their partner is not clear"):
        plan_import(source, paired=True)


def test_a_large_dataset_json_of_another_tool_is_passed_over(tmp_path: Path) -> None:
    source = tree(tmp_path / "maps", *FOUR)
    (source / "dataset.json").write_text(" " * LARGEST + "no JSON")
    assert not plan_import(source).paired
