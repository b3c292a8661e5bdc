"""Pairs of equal stems: the statement in a data set's dataset.json, and which image is the partner of which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from drawn_images import make_data_set, save_flat

from ugbench.data.dataset_json import LARGEST, Statements, write_statements
from ugbench.data.datasets import open_dataset
from ugbench.data.pairs import partners_of, without_partner
from ugbench.errors import DataError


def test_a_data_set_has_pairs_if_its_dataset_json_says_so(tmp_path: Path) -> None:
    root = make_data_set(tmp_path / "maps", testA=2, testB=2)
    assert not open_dataset(root).paired
    write_statements(root, Statements(pairs=True))
    assert json.loads((root / "dataset.json").read_text()) == {"pairs": "stems"}
    assert open_dataset(root).paired and open_dataset(root).dial is None


@pytest.mark.parametrize(
    "content",
    ['{"labels": null}', "[1, 2]", '{"pairs": null}', '"stems"', pytest.param(" " * (LARGEST + 1), id="large")],
)
def test_a_dataset_json_of_another_tool_states_no_pairs(tmp_path: Path, content: str) -> None:
    root = make_data_set(tmp_path / "maps", testA=1)
    (root / "dataset.json").write_text(content)
    assert not open_dataset(root).paired


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"pairs": "st', r'is no JSON; write \{"pairs": "stems"\} into it, or remove it\.'),
        (b"[" * 100_000, r"is no JSON"),
        (b'{"pairs": true}', r'"pairs" is true, which is not known; write \{"pairs": "stems"\}'),
        (b'{"pairs": "names"}', r'"pairs" is "names", which is not known'),
        (b"\xff", r"cannot be read"),
    ],
)
def test_a_statement_that_is_not_understood_is_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    root = make_data_set(tmp_path / "maps", testA=1)
    (root / "dataset.json").write_bytes(content)
    with pytest.raises(DataError, match=rf"maps/dataset\.json: {says}") as caught:
        open_dataset(root)
    assert "\n" not in str(caught.value)


def test_the_statement_changes_no_fingerprint(tmp_path: Path) -> None:
    root = make_data_set(tmp_path / "maps", testA=2, testB=2)
    before = open_dataset(root).fingerprint(("testA", "testB"))
    write_statements(root, Statements(pairs=True))
    assert open_dataset(root).fingerprint(("testA", "testB")) == before


def files(folder: Path, *names: str) -> list[Path]:
    for name in names:
        save_flat(folder / name)
    return [folder / name for name in names]


def test_a_partner_has_the_same_stem_whatever_its_suffix_and_place(tmp_path: Path) -> None:
    images, others = files(tmp_path / "a", "2.png", "1.jpg"), files(tmp_path / "b", "1.png", "2.jpg", "3.png")
    assert partners_of(images, others) == [others[1], others[0]]


def test_images_without_a_partner_are_counted_and_named(tmp_path: Path) -> None:
    images, others = files(tmp_path / "a", "1.png", "2.png", "3.png"), files(tmp_path / "b", "1.png")
    with pytest.raises(
        DataError, match=r"a: 2 of 3 images have no partner .* in .*b \(2\.png, 3\.png\); add or rename"
    ):
        partners_of(images, others)
    with pytest.raises(DataError, match=r"a: 1 of 2 images has no partner"):
        partners_of(images[:2], others)


def test_two_files_of_one_stem_are_no_partner(tmp_path: Path) -> None:
    images, others = files(tmp_path / "a", "1.png"), files(tmp_path / "b", "1.png", "1.jpg")
    for first, second in ((images, others), (others, images)):
        with pytest.raises(DataError, match=r"b/1\.png and .*b/1\.jpg have one stem, so their partner is not clear"):
            partners_of(first, second)


def test_of_several_folders_each_image_must_be_in_all() -> None:
    listed = {"testA": [Path("1.png"), Path("2.png")], "testB": [Path("2.jpg"), Path("3.png")]}
    assert without_partner(listed) == ["testA/1.png", "testB/3.png"]
