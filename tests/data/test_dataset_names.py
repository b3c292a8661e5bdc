import shutil
from pathlib import Path

import pytest
from drawn_images import make_data_set

from ugbench.data.dataset_names import list_datasets, resolve
from ugbench.data.datasets import DataSet
from ugbench.data.dial.dataset import write_dial
from ugbench.data.dial.spec import SPEC_FILE, DialSpec
from ugbench.errors import DataError, DiskError, UnknownName

TINY = "dial:size=16,train=2,test=2"
TINY_NAME = "dial-s1-t1-16-train2-test2"
TINY_SPEC = DialSpec(size=16, train=2, test=2)


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_data_sets_of_a_root_are_listed_by_name(tmp_path: Path) -> None:
    make_data_set(tmp_path / "dogs", testA=1)
    make_data_set(tmp_path / "cats", trainA=1)
    make_data_set(tmp_path / ".half-made", trainA=1)
    (tmp_path / "papers").mkdir()
    assert list_datasets(tmp_path) == ["cats", "dogs"]
    assert list_datasets(tmp_path / "gone") == []


def test_a_name_in_the_data_root_and_a_path_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "datasets"
    make_data_set(root / "cats", testA=1)
    other = make_data_set(tmp_path / "elsewhere" / "dogs", testA=1)
    assert resolve("cats", root).root == root / "cats"
    assert resolve(str(other), root) == DataSet("dogs", other, None)
    monkeypatch.chdir(other)
    assert resolve(".", root).name == "dogs"
    monkeypatch.chdir(other.parent)
    assert resolve("dogs", root).split("testA")[0].is_file()


def test_the_data_root_goes_before_a_folder_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_data_set(tmp_path / "datasets" / "cats", testA=2)
    make_data_set(tmp_path / "cats", testA=1)
    monkeypatch.chdir(tmp_path)
    assert len(resolve("cats", Path("datasets")).split("testA")) == 2
    # A folder of that name which is no data set does not stand in the way.
    shutil.rmtree("datasets/cats")
    Path("datasets/cats").mkdir()
    assert len(resolve("cats", Path("datasets")).split("testA")) == 1


def test_an_unknown_name_is_answered_with_a_near_one(tmp_path: Path) -> None:
    make_data_set(tmp_path / "cat2dog", testA=1)
    near = r"no data set is called 'cat2dgo'; did you mean 'cat2dog'\? Known: ae_photos, .*dial, .*horse2zebra, "
    with pytest.raises(UnknownName, match=near):
        resolve("cat2dgo", tmp_path)
    with pytest.raises(UnknownName, match=r"did you mean '.*/cat2dog'\?"):
        resolve(f"{tmp_path}/cat2dgo", tmp_path / "other")
    with pytest.raises(UnknownName, match=r"no data set is called ''\. Known: ae_photos, .*dial, "):
        resolve("", tmp_path / "gone")
    with pytest.raises(UnknownName, match=r"did you mean 'photo2portrait'\?"):
        resolve("photo2portrat", tmp_path)


def test_a_published_data_set_that_is_not_there_says_how_to_get_it_and_is_found_once_it_is(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        resolve("photo2portrait", tmp_path)
    assert str(error.value) == (
        f"data set photo2portrait: not in {tmp_path} yet; `ugbench data get photo2portrait --data-root {tmp_path}` "
        "downloads it."
    )
    with pytest.raises(DataError, match=r"not in data yet; `ugbench data get portrait --data-root data` downloads it"):
        resolve("data/portrait", tmp_path)
    with pytest.raises(DataError) as error:
        resolve("selfie2anime", tmp_path)
    assert str(error.value) == (
        f"data set selfie2anime: not in {tmp_path} yet; get selfie2anime.zip as https://github.com/taki0112/UGATIT "
        f"says, then run `ugbench data import selfie2anime.zip --name selfie2anime --data-root {tmp_path}`."
    )
    make_data_set(tmp_path / "photo2portrait", trainA=1)
    assert resolve("photo2portrait", tmp_path).name == "photo2portrait"


def test_a_folder_that_is_no_data_set_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    with pytest.raises(DataError, match=r"papers: has none of the subfolders trainA"):
        resolve("papers", tmp_path)


def test_a_dial_is_rendered_once_and_is_a_folder_from_then_on(tmp_path: Path) -> None:
    root = tmp_path / "not" / "yet"
    calls: list[tuple[int, int]] = []
    dial = resolve(TINY, root, progress=lambda done, total: calls.append((done, total)))
    assert dial == DataSet(TINY_NAME, root / TINY_NAME, TINY_SPEC)
    assert calls[-1] == (8, 8)
    assert [path.name for path in root.iterdir()] == [TINY_NAME]
    before = {path: path.stat().st_mtime_ns for path in dial.root.rglob("*")}

    again = resolve(TINY, root, progress=lambda done, total: pytest.fail("rendered twice"))
    assert again == dial
    assert {path: path.stat().st_mtime_ns for path in dial.root.rglob("*")} == before
    assert resolve(TINY_NAME, root) == dial


def test_two_machines_render_the_same_bytes(tmp_path: Path) -> None:
    first, second = resolve(TINY, tmp_path / "first"), resolve(TINY, tmp_path / "second")
    assert content(first.root) == content(second.root)
    assert first.fingerprint(["testA"]) == second.fingerprint(["testA"])


def test_an_interrupted_dial_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resolve(TINY, tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []
    assert resolve(TINY, tmp_path).dial == TINY_SPEC


def test_a_dial_that_another_process_made_meanwhile_is_used(tmp_path: Path) -> None:
    def other_process(done: int, total: int) -> None:
        if done == total:
            write_dial(TINY_SPEC, tmp_path / TINY_NAME)

    assert resolve(TINY, tmp_path, progress=other_process).dial == TINY_SPEC
    assert [path.name for path in tmp_path.iterdir()] == [TINY_NAME]


def test_a_folder_that_only_has_a_dials_name_is_not_taken_for_it(tmp_path: Path) -> None:
    make_data_set(tmp_path / TINY_NAME, testA=1)
    with pytest.raises(DataError, match=rf"{TINY_NAME}: not the dial that its name says; remove the folder"):
        resolve(TINY, tmp_path)
    shutil.rmtree(tmp_path / TINY_NAME)
    write_dial(DialSpec(size=16, train=2, test=2, seed=5), tmp_path / TINY_NAME)
    with pytest.raises(DataError, match="not the dial that its name says"):
        resolve(TINY, tmp_path)


def test_a_data_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=rf"file/{TINY_NAME} could not be written \(.+\); free space") as caught:
        resolve(TINY, tmp_path / "file")
    assert caught.value.exit_code == 1  # the call is right, and the disk is not


def test_bad_dials_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no dial field is called 'textur'; did you mean 'texture'"):
        resolve("dial:textur=1", tmp_path)
    with pytest.raises(DataError, match=r"shape=2\.0 is out of range"):
        resolve("dial:shape=2", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_any_name_with_a_dial_json_is_a_dial(tmp_path: Path) -> None:
    write_dial(TINY_SPEC, tmp_path / "mine")
    assert resolve("mine", tmp_path).dial == TINY_SPEC
    (tmp_path / "mine" / SPEC_FILE).unlink()
    assert resolve("mine", tmp_path).dial is None


def test_photographs_resolve_load_and_have_a_stable_fingerprint(test_data: Path) -> None:
    cats = resolve("cat2dog", test_data / "data")
    assert cats.dial is None
    assert cats.has("trainA")
    assert cats.fingerprint(["testA"]) == cats.fingerprint(["testA"])
    assert cats.fingerprint(["testA"]) != cats.fingerprint(["testB"])
