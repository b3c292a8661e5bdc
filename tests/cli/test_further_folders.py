"""`ugbench train` of methods with further folders and with pairs: what each step gets, what is refused, and ids."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call, call_json
from PIL import Image
from torch import Tensor
from toy_folders import Edged, Paired
from toy_runs import Toy

from ugbench import registry
from ugbench.data.batches import Batches
from ugbench.errors import DataError
from ugbench.runs.run import Run, find_run, list_runs
from ugbench.study.grid import Study
from ugbench.study.plan import StudySetup, make_plan

STEPS = 6
SIDE = 9  # px, the training size of 8 px


@pytest.fixture(autouse=True)
def methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small methods under the names of others, which the command line knows."""
    known = {"cut": Edged, "cyclegan": Paired, "unit": Toy}
    monkeypatch.setattr(registry, "load_method", lambda name: known[name])
    for method in (Edged, Paired):
        monkeypatch.setattr(method, "seen", [])


FOLDERS = ("trainA", "trainB", "edgesA", "edgesB", "poses")


def level_of(folder: str, stem: int) -> int:
    return 40 * FOLDERS.index(folder) + stem


def save(path: Path, level: int) -> None:
    """An image whose channels hold the column, the row and a level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    column = np.tile(np.arange(SIDE, dtype=np.uint8), (SIDE, 1))
    Image.fromarray(np.stack([20 * column, 20 * column.T, np.full_like(column, level)], axis=2)).save(path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data set `cats` with the images 0 to 3 in each folder, and 4 and 5 in those of domain B."""
    for folder in FOLDERS:
        for stem in range(6 if folder in ("trainB", "edgesB") else 4):
            save(tmp_path / "datasets" / "cats" / folder / f"{stem}.png", level_of(folder, stem))
    return tmp_path


def place(home: Path) -> list[object]:
    return ["--results", home / "results", "--data-root", home / "datasets", "--device", "cpu"]


def words(method: str, *more: object) -> list[object]:
    return ["train", method, "--dataset", "cats", "--steps", STEPS, "--size", 8, "--batch-size", 2, *more]


def train(home: Path, method: str, *more: object) -> Run:
    return find_run(call_json(*words(method, *more), *place(home))["id"], home / "results")


def refused(home: Path, method: str, *more: object) -> str:
    """The sentence of a refused call, which has written nothing."""
    for dry in ((), ("--dry-run",)):
        sentence = call(*words(method, *more, *dry), *place(home), code=2).stderr.splitlines()[-1]
        assert not (home / "results").exists()
    return sentence


def levels(images: Tensor) -> list[int]:
    return images[:, 2, 0, 0].tolist()


def expected_indices(counts: dict[str, int]) -> list[dict[str, list[int]]]:
    """The indices that `Batches` gives for folders of these numbers of images."""
    images = {name: torch.zeros(count, 3, SIDE, SIDE, dtype=torch.uint8) for name, count in counts.items()}
    a, b = images.pop("a"), images.pop("b")
    batches = Batches(a, b, size=8, batch_size=2, seed=0, draws={}, device="cpu", extra=images)
    return [{name: batches.indices(name, step) for name in counts} for step in range(STEPS)]


@pytest.mark.parametrize(
    ("direction", "source", "target", "edges"),
    [("A2B", "trainA", "trainB", "edgesB"), ("B2A", "trainB", "trainA", "edgesA")],
)
def test_each_step_gets_images_of_the_further_folder_of_the_target_domain(
    home: Path, direction: str, source: str, target: str, edges: str
) -> None:
    run = train(home, "cut", "--direction", direction)
    folders = {"a": source, "b": target, "edgesB": edges}
    counts = {name: 6 if folder.endswith("B") else 4 for name, folder in folders.items()}
    expected = [
        {name: [level_of(folders[name], index) for index in indices] for name, indices in step.items()}
        for step in expected_indices(counts)
    ]
    assert [{name: levels(images) for name, images in step.items()} for step in Edged.seen] == expected
    record = run.config.dataset
    assert record.images == {"trainA": 4, "trainB": 6, edges: counts["edgesB"]}
    assert set(record.fingerprints) == {"trainA", "trainB", edges}
    assert json.loads(run.metrics_file.read_text().splitlines()[-1])["discriminators/edges"] > 0


@pytest.mark.parametrize("method", ["cut", "cyclegan"])
def test_a_resumed_run_gets_the_same_images_and_ends_with_the_same_bits(home: Path, method: str) -> None:
    more = ["--skip-bad", "--save-every", 2, "--keep", "all"]
    run = train(home, method, *more)
    seen = registry.load_method(method).seen
    last = run.generators_file.read_bytes()
    shutil.rmtree(run.checkpoint(STEPS))
    again = call_json(*words(method, *more), *place(home))
    assert (again["status"], again["resumed_from"], again["id"]) == ("done", 4, run.id)
    assert len(seen) == STEPS + 2
    for before, after in zip(seen[4:STEPS], seen[STEPS:], strict=True):
        assert before.keys() == after.keys() and all(images.equal(after[name]) for name, images in before.items())
    assert run.generators_file.read_bytes() == last
    assert call_json(*words(method, *more), *place(home))["resumed_from"] == STEPS
    assert len(list_runs(home / "results")) == 1


def test_pairs_come_together_with_one_crop(home: Path) -> None:
    for stem in (4, 5):
        (home / "datasets" / "cats" / "trainB" / f"{stem}.png").unlink()
    run = train(home, "cyclegan")
    assert len(Paired.seen) == STEPS
    for step in Paired.seen:
        stems = [level - level_of("trainA", 0) for level in levels(step["a"])]
        assert levels(step["b"]) == [level_of("trainB", stem) for stem in stems]
        assert levels(step["poses"]) == [level_of("poses", stem) for stem in stems]
        assert step["a"][:, :2].equal(step["b"][:, :2]) and step["a"][:, :2].equal(step["poses"][:, :2])
    assert len({tuple(levels(step["a"])) for step in Paired.seen}) > 1
    assert run.config.dataset.images == {"trainA": 4, "trainB": 4, "poses": 4}


def test_images_without_a_partner_are_refused_or_skipped_and_recorded(home: Path) -> None:
    sentence = refused(home, "cyclegan")
    assert sentence == (
        f"error: {home}/datasets/cats: 2 images have no partner (trainB/4.png, trainB/5.png): each of trainA, trainB "
        "and poses must have an image of that name; add the partners, remove these images, or give --skip-bad."
    )
    result = call(*words("cyclegan", "--skip-bad"), *place(home))
    assert "2 images have no partner and are skipped: trainB/4.png, trainB/5.png." in result.stderr
    (skipping,) = list_runs(home / "results")
    assert skipping.config.dataset.skipped == ["trainB/4.png", "trainB/5.png"]
    assert skipping.config.dataset.images == {"trainA": 4, "trainB": 4, "poses": 4}
    assert {level for step in Paired.seen for level in levels(step["b"])} <= {level_of("trainB", n) for n in range(4)}
    for stem in (4, 5):
        (home / "datasets" / "cats" / "trainB" / f"{stem}.png").unlink()
    assert train(home, "cyclegan").id == skipping.id


def test_two_images_of_one_stem_are_refused(home: Path) -> None:
    save(home / "datasets" / "cats" / "trainA" / "3.bmp", 200)
    sentence = refused(home, "cyclegan", "--skip-bad")
    assert "cats/trainA/3.bmp and " in sentence and "cats/trainA/3.png may both be the partner of 3" in sentence


def test_a_missing_folder_is_named_with_the_command_that_makes_it(home: Path) -> None:
    cats = home / "datasets" / "cats"
    for folder in ("edgesA", "edgesB", "poses"):
        for path in (cats / folder).iterdir():
            path.unlink()
        (cats / folder).rmdir()
    make = f"`ugbench data make edges --dataset {cats}"
    assert f"{cats}/edgesB: no such folder; " in refused(home, "cut")
    assert refused(home, "cut").endswith(f"{make} --size {SIDE}`.")
    assert refused(home, "cut", "--size", 256).endswith(f"{make}`.")
    assert refused(home, "cut", "--direction", "B2A").endswith(f"{make} --domain A --size {SIDE}`.")
    assert f"{cats}/poses: no such folder; " in refused(home, "cyclegan", "--skip-bad")
    call("data", "make", "edges", "--dataset", cats, "--size", SIDE)
    said = call(*words("cut"), *place(home)).stderr
    assert "cats/edgesB: 6 images.\n" in said and "make it again" not in said
    save(cats / "trainB" / "9.png", 250)
    sentence = "cats/edgesB was made of other images, or in another size, than this training reads; make it again: "
    assert f"{sentence}{make} --size {SIDE}`." in call(*words("cut"), *place(home)).stderr


def test_a_split_that_leads_out_of_the_data_set_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Edged, "splits", ("../cats/edgesB",))
    assert refused(home, "cut").startswith("error: splits of cut: '../cats/edgesB' cannot be a further split; ")


def test_the_id_depends_on_the_further_images_and_not_on_other_folders(home: Path) -> None:
    cats = home / "datasets" / "cats"
    first, plain = train(home, "cut"), train(home, "unit")
    save(cats / "edgesA" / "0.png", 255)
    assert train(home, "cut").id == first.id
    save(cats / "edgesB" / "0.png", 255)
    second = train(home, "cut")
    assert second.id != first.id
    assert train(home, "unit").id == plain.id
    assert plain.config.dataset.images == {"trainA": 4, "trainB": 6}
    # All runs are on the same images of A and B, so they are found in one folder.
    assert {run.dataset_folder.name for run in list_runs(home / "results")} == {"cats"}
    said = call(*words("cut", "--restart", "--dry-run"), *place(home)).stderr
    assert "error" not in said


def test_a_moved_data_set_and_one_without_its_dataset_json_keep_their_folder(home: Path) -> None:
    first = train(home, "cut")
    (home / "datasets" / "cats").rename(home / "felines")
    assert train(home, "cut", "--dataset", home / "felines").path == first.path
    (home / "results" / "cats" / "dataset.json").unlink()
    plan = call_json(*words("unit", "--dataset", home / "felines", "--dry-run"), *place(home))
    assert Path(plan["run"]).is_relative_to(home / "results" / "cats")
    for folder in ("testA", "testB"):
        for stem in range(3):
            save(home / "felines" / folder / f"{stem}.png", 10 * stem)
    scoring = ["--metric", "kid", "--extractor", "random", "--kid-subset-size", 2, "--kid-subsets", 1]
    records = call_json("eval", *scoring, "--dataset", home / "felines", *place(home))
    assert first.id in {record["run"] for record in records}


def test_a_dry_run_counts_the_further_images_and_shows_them(home: Path) -> None:
    printed = call(*words("cut", "--dry-run"), *place(home)).stdout
    assert "cats, 4 images in trainA, 6 images in trainB, 6 images in edgesB" in printed
    fewer, more = (call_json(*words("cut", "--dry-run", "--direction", way), *place(home)) for way in ("B2A", "A2B"))
    assert more["memory_bytes"] - fewer["memory_bytes"] == 2 * 3 * SIDE**2
    assert not (home / "results").exists()


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_study_plans_the_runs_that_training_makes(home: Path, skip_bad: bool) -> None:
    methods = ["cut", "unit", *(["cyclegan"] if skip_bad else [])]
    study = Study(methods=tuple(methods), datasets=("cats",), seeds=(0,), steps=STEPS, size=8, batch_size=2)
    setup = StudySetup(home / "results", home / "datasets", torch.device("cpu"), skip_bad=skip_bad)
    lines: list[str] = []
    planned = {
        (run.study_run.arm.method, run.study_run.direction): run.run.id
        for run in make_plan(study, setup, log=lines.append)
    }
    more = ["--skip-bad"] if skip_bad else []
    trained = {(name, None): train(home, name, *more).id for name in methods if name != "cut"}
    trained |= {("cut", way): train(home, "cut", "--direction", way, *more).id for way in ("A2B", "B2A")}
    assert planned == trained
    assert {"cats/edgesA: 4 images.", "cats/edgesB: 6 images."} <= set(lines)
    if not skip_bad:
        with pytest.raises(DataError, match="2 images have no partner"):
            make_plan(study.model_copy(update={"methods": ("cyclegan",)}), setup)


@pytest.mark.parametrize("method", ["cut", "cyclegan"])
def test_bench_takes_such_methods(method: str) -> None:
    timed = call_json("bench", method, "--steps", 1, "--size", 8, "--batch-size", 2, "--device", "cpu")
    assert timed["seconds_per_step"] > 0
