"""Links in a data set whose dataset.json records them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from drawn_images import save_flat

from ugbench.data.dataset_json import LARGEST, Statements, read_statements, write_statements
from ugbench.data.datasets import open_dataset
from ugbench.errors import DataError


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A data set of two links to photographs elsewhere, which its dataset.json records."""
    root = tmp_path / "pets"
    links = {}
    for split, name in (("trainA", "cat.png"), ("trainB", "dog.png")):
        save_flat(tmp_path / "photos" / name)
        (root / split).mkdir(parents=True)
        (root / split / name).symlink_to(tmp_path / "photos" / name)
        links[f"{split}/{name}"] = str(tmp_path / "photos" / name)
    write_statements(root, Statements(links=links))
    return root


def test_recorded_links_are_followed(linked: Path) -> None:
    dataset = open_dataset(linked)
    assert [path.name for path in dataset.split("trainA")] == ["cat.png"]
    assert dataset.splits() == ("trainA", "trainB")


def test_a_link_that_may_be_removed_and_one_that_is_a_file_now_are_no_fault(linked: Path) -> None:
    (linked / "trainA" / "cat.png").unlink()
    save_flat(linked / "trainA" / "cat.png")
    save_flat(linked / "trainB" / "more.png")
    (linked / "trainB" / "dog.png").unlink()
    assert [path.name for path in open_dataset(linked).split("trainB")] == ["more.png"]


@pytest.mark.parametrize("place", ["trainA/other.png", "other.png", "further/other.png", "testA"])
def test_a_link_that_is_not_recorded_is_refused(linked: Path, tmp_path: Path, place: str) -> None:
    target = tmp_path / "photos" / ("cat.png" if "." in place else "")
    (linked / place).parent.mkdir(exist_ok=True)
    (linked / place).symlink_to(target)
    with pytest.raises(DataError) as caught:
        open_dataset(linked)
    assert str(caught.value) == (
        f"{linked}/{place}: a link to {target} that dataset.json does not record; remove the link, or put the image "
        "itself there."
    )


def test_a_link_that_leads_elsewhere_than_recorded_is_refused(linked: Path, tmp_path: Path) -> None:
    (linked / "trainA" / "cat.png").unlink()
    (linked / "trainA" / "cat.png").symlink_to(tmp_path / "photos" / "dog.png")
    with pytest.raises(DataError) as caught:
        open_dataset(linked)
    assert str(caught.value) == (
        f"{linked}/trainA/cat.png: a link to {tmp_path}/photos/dog.png, but dataset.json records "
        f"{tmp_path}/photos/cat.png; restore the link, or remove {linked} and import again."
    )


def test_a_photograph_that_is_gone_is_refused_and_not_passed_over(linked: Path, tmp_path: Path) -> None:
    (tmp_path / "photos" / "dog.png").unlink()
    with pytest.raises(DataError, match=r"trainB/dog\.png: the file .*photos/dog\.png that it links to is gone; bring"):
        open_dataset(linked)


def test_a_data_set_that_records_no_links_may_hold_any(linked: Path) -> None:
    (linked / "dataset.json").unlink()
    assert open_dataset(linked).splits() == ("trainA", "trainB")


def test_a_copy_of_the_data_set_with_images_in_place_of_links_is_read(linked: Path, tmp_path: Path) -> None:
    shutil.copytree(linked, tmp_path / "copy")
    shutil.rmtree(tmp_path / "photos")
    assert open_dataset(tmp_path / "copy").splits() == ("trainA", "trainB")


@pytest.mark.parametrize("links", [[], "x", {"trainA/1.png": 3}])
def test_links_in_another_form_are_one_sentence(linked: Path, links: object) -> None:
    (linked / "dataset.json").write_text(json.dumps({"links": links}))
    with pytest.raises(DataError, match=r'dataset\.json: "links" is not an object with a path for each link; remove'):
        open_dataset(linked)


def test_both_statements_are_read_back_and_names_that_are_not_utf8_too(tmp_path: Path) -> None:
    statements = Statements(pairs=True, links={"trainA/caf\udce9.png": "/photos/caf\udce9.png"})
    write_statements(tmp_path, statements)
    assert read_statements(tmp_path) == statements
    write_statements(tmp_path / "no folder", Statements())  # nothing to state, so nothing is written


def test_more_links_than_the_file_can_hold_are_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dataset\.json: 1 links are too many to record; copy the images"):
        write_statements(tmp_path, Statements(links={"trainA/1.png": "x" * LARGEST}))
    assert list(tmp_path.iterdir()) == []
