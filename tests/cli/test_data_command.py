"""`ugbench data`: the list of data sets, and dials as files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from ugbench.data.acquire.catalog import KNOWN
from ugbench.data.dataset_names import resolve
from ugbench.data.dial.spec import DialSpec

Call = Callable[..., Result]
SPLITS = ("trainA", "trainB", "testA", "testB")
PAPER = ["selfie2anime", "horse2zebra", "cat2dog", "photo2portrait", "photo2vangogh"]
PUBLISHED = [known.name for known in KNOWN]
SMALL = "dial:shape=0.5,size=32,train=3,test=2"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with a whole data set, one with test images alone, and what is no data set."""
    for name, counts in {"cats": (3, 2, 1, 1), "photos": (0, 0, 2, 1)}.items():
        for split, number in zip(SPLITS, counts, strict=True):
            for k in range(number):
                (tmp_path / name / split).mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (8, 8), (k, k, k)).save(tmp_path / name / split / f"{k}.png")
    (tmp_path / "notes").mkdir()
    (tmp_path / ".hidden" / "testA").mkdir(parents=True)
    (tmp_path / "file.txt").touch()
    return tmp_path


def test_data_sets_are_listed_with_their_counts_and_the_dial(ugbench: Call, root: Path) -> None:
    listed = json.loads(ugbench("data", "list", "--data-root", root, "--json").stdout)
    assert [row["name"] for row in listed] == ["cats", "photos", "dial", *PUBLISHED]
    assert PUBLISHED[:5] == PAPER
    assert [[row[split] for split in SPLITS] for row in listed[:3]] == [
        [3, 2, 1, 1],
        [None, None, 2, 1],
        [400, 400, 100, 100],
    ]
    assert [row["root"] for row in listed] == [str(root / "cats"), str(root / "photos"), *[None] * (1 + len(PUBLISHED))]
    assert [row["dial"] is None for row in listed] == [True, True, False, *[True] * len(PUBLISHED)]
    assert [row["published"] is None for row in listed] == [True, True, True, *[False] * len(PUBLISHED)]


def test_published_sets_are_listed_with_the_way_to_get_them_until_they_are_there(ugbench: Call, root: Path) -> None:
    def lines() -> dict[str, str]:
        return {line.split()[0]: line for line in ugbench("data", "list", "--data-root", root).stdout.splitlines()}

    assert lines()["photo2portrait"].split()[1:5] == ["-"] * 4
    command = f"ugbench data get photo2portrait --data-root {root}"
    assert lines()["photo2portrait"].endswith(f"not here; `{command}` downloads it")
    assert "not here; get selfie2anime.zip as https://github.com/taki0112/UGATIT says" in lines()["selfie2anime"]
    (root / "cats").rename(root / "photo2portrait")
    assert lines()["photo2portrait"].split(maxsplit=5)[1:] == ["3", "2", "1", "1", "the paper has 6452, 1811, 751, 400"]
    listed = json.loads(ugbench("data", "list", "--data-root", root, "--json").stdout)
    (row,) = (row for row in listed if row["name"] == "photo2portrait")
    assert row["root"] == str(root / "photo2portrait")
    assert row["published"]["images"] == {"trainA": 6452, "trainB": 1811, "testA": 751, "testB": 400}
    assert {"source", "licence", "layout", "archive", "address", "how_to_get"} <= set(row["published"])
    assert row["published"]["command"] == command


def test_an_empty_split_is_named_and_hides_no_other_data_set(ugbench: Call, root: Path) -> None:
    (root / "broken" / "testA").mkdir(parents=True)
    result = ugbench("data", "list", "--data-root", root)
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines["cats"].split()[1:5] == ["3", "2", "1", "1"]
    assert set(lines) == {"name", "broken", "cats", "photos", "dial", *PUBLISHED}


def test_no_data_root_is_the_dial_alone_and_a_hint(ugbench: Call, tmp_path: Path) -> None:
    result = ugbench("data", "list", "--data-root", tmp_path / "none", "--json")
    assert [row["name"] for row in json.loads(result.stdout)] == ["dial", *PUBLISHED]
    assert result.stderr.startswith(f"there is no {tmp_path}/none; ")


def test_a_dial_is_written_and_then_found_by_name(ugbench: Call, tmp_path: Path) -> None:
    result = ugbench("data", "make", SMALL, "--data-root", tmp_path, "--json")
    made = json.loads(result.stdout)
    assert made["dial"] == {"shape": 0.5, "texture": 1.0, "size": 32, "train": 3, "test": 2, "seed": 0}
    assert made["root"] == str(tmp_path / made["name"])
    dataset = resolve(made["name"], tmp_path)
    assert dataset.dial == DialSpec(shape=0.5, size=32, train=3, test=2)
    assert [len(dataset.split(split)) for split in SPLITS] == [3, 3, 2, 2]
    with Image.open(dataset.split("testB")[0]) as image:
        assert image.size == (32, 32)
    (row, *_) = json.loads(ugbench("data", "list", "--data-root", tmp_path, "--json").stdout)
    assert (row["name"], row["trainA"], row["dial"]) == (made["name"], 3, made["dial"])


def test_a_dial_that_is_there_is_left_as_it_is(ugbench: Call, tmp_path: Path) -> None:
    ugbench("data", "make", SMALL, "--data-root", tmp_path)
    (folder,) = tmp_path.iterdir()
    before = [file.stat().st_mtime_ns for file in sorted(folder.rglob("*"))]
    assert ugbench("data", "make", SMALL, "--data-root", tmp_path).exit_code == 0
    assert [file.stat().st_mtime_ns for file in sorted(folder.rglob("*"))] == before


def test_a_dial_is_written_where_output_says(ugbench: Call, tmp_path: Path) -> None:
    result = ugbench("data", "make", SMALL, "--output", tmp_path / "x" / "mine", "--data-root", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"dial-s0.5-t1-32-train3-test2 is in {tmp_path}/x/mine\n"
    assert [file.name for file in (tmp_path / "x").iterdir()] == ["mine"]
    assert len(list((tmp_path / "x/mine/testA").iterdir())) == 2


def test_what_is_there_is_not_written_over(ugbench: Call, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    result = ugbench("data", "make", SMALL, "--output", tmp_path / "mine")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: --output {tmp_path}/mine: something is there already; ")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("dial", ["cats", "dial:shap=1", "dial:shape=2", "dial:size=x"])
def test_what_is_no_dial_is_refused(ugbench: Call, tmp_path: Path, dial: str) -> None:
    result = ugbench("data", "make", dial, "--data-root", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_edges_are_made_in_their_data_set_and_the_second_call_says_so(ugbench: Call, root: Path) -> None:
    made = json.loads(ugbench("data", "make", "edges", "--dataset", "cats", "--data-root", root, "--json").stdout)
    folder = root / "cats" / "edgesB"
    assert made == {
        "name": "cats",
        "root": str(root / "cats"),
        "folder": str(folder),
        "domain": "B",
        "size": 286,
        "images": 2,
        "status": "made",
    }
    with Image.open(folder / "1.png") as image:
        assert (image.size, image.getpixel((3, 5))) == ((286, 286), (1, 1, 1))
    again = ugbench("data", "make", "edges", "--dataset", root / "cats")
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == f"{folder}: 2 images of 286 px with smoothed edges; done before.\n"
    listed = json.loads(ugbench("data", "list", "--data-root", root, "--json").stdout)
    assert [listed[0][split] for split in SPLITS] == [3, 2, 1, 1]


def test_edges_of_a_dial_are_made_beside_its_images_and_it_stays_a_dial(ugbench: Call, tmp_path: Path) -> None:
    words = ("data", "make", "edges", "--dataset", SMALL, "--domain", "A", "--size", 16, "--data-root", tmp_path)
    assert ugbench(*words).exit_code == 0
    dataset = resolve(SMALL, tmp_path)
    assert dataset.dial == DialSpec(shape=0.5, size=32, train=3, test=2)
    assert [path.name for path in dataset.split("edgesA")] == ["00000.png", "00001.png", "00002.png"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["edges"], "edges: --dataset is missing; "),
        (["edges", "--dataset", "cats", "--output", "x"], "--output: edges are written into their data set; "),
        (["edges", "--dataset", "nothing"], "no data set is called 'nothing'"),
        (["edges", "--dataset", "photos"], "{root}/photos/trainB: no such folder; "),
        (["dial", "--dataset", "cats"], "--dataset cats: only `ugbench data make edges` takes it; "),
        (["dial", "--size", "32"], "--size 32: only `ugbench data make edges` takes it; "),
        (["edge", "--dataset", "cats"], "--dataset cats: only"),
        (["edge"], "'edge' is no dial, not edges and not emoji; write dial, "),
        (["dial", "--name", "stripes"], "--name stripes: only `ugbench data make emoji` takes it; "),
        (["edges", "--dataset", "cats", "--from", "a,b"], "--from a,b: only `ugbench data make emoji` takes it; "),
        (["emoji"], "--from is missing: emoji need two packages, "),
        (["emoji", "--from", "a.tgz"], "--from a.tgz: emoji need two packages, "),
        (["emoji", "--from", "a.tgz,b.tgz"], "--name is missing; "),
        (["emoji", "--from", "a.tgz,b.tgz", "--name", "x"], "--from a.tgz: no such file or folder; "),
        (["emoji", "--from", "a.tgz,b.tgz", "--name", "x", "--size", "32"], "--size 32: emoji are made of two "),
    ],
)
def test_what_make_cannot_take_is_one_sentence_and_writes_nothing(
    ugbench: Call, root: Path, words: list[str], sentence: str
) -> None:
    before = sorted(root.rglob("*"))
    result = ugbench("data", "make", *words, "--data-root", root)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: " + sentence.format(root=root))
    assert sorted(root.rglob("*")) == before
