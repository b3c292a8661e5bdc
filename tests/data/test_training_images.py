from pathlib import Path

import pytest
from drawn_images import make_data_set
from PIL import Image

from ugbench.data.datasets import DataSet, open_dataset
from ugbench.data.training_images import check_training_images, list_training_images, training_folders
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


def coloured(root: Path, **splits: str) -> DataSet:
    """A data set whose splits have images of these stems, such as "a b c"."""
    for number, (split, stems) in enumerate(splits.items()):
        (root / split).mkdir(parents=True)
        for index, stem in enumerate(stems.split()):
            name = stem if "." in stem else f"{stem}.png"
            Image.new("RGB", (6, 6), (40 * number, 20 * index, 0)).save(root / split / name)
    return open_dataset(root)


PAIRS = training_folders(("poses",), paired=True)


def test_further_folders_are_checked_like_the_domains_and_the_missing_one_is_named(tmp_path: Path) -> None:
    poses, edges = training_folders(("poses",)), training_folders(("edgesB",))
    cats = coloured(tmp_path / "cats", trainA="1", trainB="1", poses="1 2 3")
    readable, skipped = check_training_images(cats, folders=poses)
    assert list(readable) == ["trainA", "trainB", "poses"]
    assert (readable["poses"], skipped) == (cats.split("poses"), [])
    for stem in (1, 3):
        Image.new("RGB", (6, 6), (stem, stem, stem)).save(cats.root / "poses" / f"{stem}.png")
    (cats.root / "poses" / "2.png").write_text("no image")
    with pytest.raises(DataError, match=r"cats/poses/2\.png: not a readable image .*, or give --skip-bad\.$"):
        check_training_images(cats, folders=poses)
    lines: list[str] = []
    readable, skipped = check_training_images(cats, skip_bad=True, log=lines.append, folders=poses)
    assert [path.name for path in readable["poses"]] == ["1.png", "3.png"]
    assert skipped == ["poses/2.png"]
    assert "poses: 2 of 3 images are used." in lines
    assert sum(line.startswith("poses: 2 of 2 images use less than a twentieth of the range") for line in lines) == 1
    assert check_training_images(cats) == ({split: cats.split(split) for split in ("trainA", "trainB")}, [])
    with pytest.raises(
        DataError, match=r"cats/edgesB: no such folder; .* `ugbench data make edges --dataset \S+/cats`"
    ):
        list_training_images(cats, edges)
    with pytest.raises(DataError, match=r"cats/masks: no such folder; this method trains with its images"):
        list_training_images(cats, training_folders(("masks",)))


@pytest.mark.parametrize(
    ("name", "exchanged", "folder"),
    [("edgesB", False, "edgesB"), ("edgesB", True, "edgesA"), ("edgesA", True, "edgesB"), ("poses", True, "poses")],
)
def test_in_a_run_from_b_to_a_the_domain_in_the_name_of_a_folder_is_exchanged(
    name: str, exchanged: bool, folder: str
) -> None:
    assert training_folders((name,), exchanged=exchanged).further == ((name, folder),)


@pytest.mark.parametrize("name", ["../secret", "a/b", ".hidden", "", "trainA", "testB", "a", "train", "TRAIN_B", "x\n"])
def test_names_that_are_no_further_folder_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a further split"):
        training_folders((name,))


def test_pairs_are_ordered_by_stem_whatever_the_suffixes(tmp_path: Path) -> None:
    cats = coloured(tmp_path / "cats", trainA="a.png a-1.png b.png", trainB="a.jpg a-1.bmp b.png", poses="b a a-1")
    readable, skipped = check_training_images(cats, folders=PAIRS)
    assert [[path.stem for path in paths] for paths in readable.values()] == [["a", "a-1", "b"]] * 3
    assert skipped == []


def test_images_without_a_partner_are_counted_and_some_are_named(tmp_path: Path) -> None:
    cats = coloured(tmp_path / "cats", trainA="a b c d", trainB="a b e", poses="a b d")
    with pytest.raises(DataError) as caught:
        check_training_images(cats, folders=PAIRS)
    assert str(caught.value) == (
        f"{cats.root}: 4 images have no partner (trainA/c.png, trainA/d.png, trainB/e.png, …): each of trainA, trainB "
        "and poses must have an image of that name; add the partners, remove these images, or give --skip-bad."
    )
    assert caught.value.exit_code == 2
    lines: list[str] = []
    readable, skipped = check_training_images(cats, skip_bad=True, log=lines.append, folders=PAIRS)
    assert [[path.stem for path in paths] for paths in readable.values()] == [["a", "b"]] * 3
    assert skipped == ["trainA/c.png", "trainA/d.png", "trainB/e.png", "poses/d.png"]
    assert lines == [
        "4 images have no partner and are skipped: trainA/c.png, trainA/d.png, trainB/e.png, ….",
        "trainA: 2 of 4 images are used.",
        "trainB: 2 of 3 images are used.",
        "poses: 2 of 3 images are used.",
    ]


def test_the_partners_of_an_unreadable_image_are_skipped_with_it(tmp_path: Path) -> None:
    cats = coloured(tmp_path / "cats", trainA="a b", trainB="a b")
    (cats.root / "trainA" / "b.png").write_text("no image")
    pairs = training_folders(paired=True)
    readable, skipped = check_training_images(cats, skip_bad=True, folders=pairs)
    assert skipped == ["trainA/b.png", "trainB/b.png"]
    assert [[path.stem for path in paths] for paths in readable.values()] == [["a"]] * 2
    (cats.root / "trainB" / "a.png").rename(cats.root / "trainB" / "z.png")
    with pytest.raises(DataError, match="no image has a partner of the same name in each of trainA and trainB; give"):
        check_training_images(cats, skip_bad=True, folders=pairs)


@pytest.mark.parametrize("skip_bad", [False, True])
def test_two_images_of_one_stem_in_a_folder_of_pairs_are_both_named(tmp_path: Path, skip_bad: bool) -> None:
    cats = coloured(tmp_path / "cats", trainA="a b", trainB="a.png a.jpg b")
    with pytest.raises(DataError, match=r"trainB/a\.jpg and \S+/trainB/a\.png may both be the partner of a; remove"):
        check_training_images(cats, skip_bad, folders=training_folders(paired=True))
    assert check_training_images(cats)[1] == []
