"""What commands do with a results folder that somebody else has filled with links."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import call, invoke
from PIL import Image

from ugbench.cli.vote import open_galleries
from ugbench.data import named_roots
from ugbench.data.datasets import open_dataset
from ugbench.data.known_files import cache_folder
from ugbench.errors import RunError, UgbenchError
from ugbench.report.contents import collect_report
from ugbench.runs.run import dataset_of, list_runs
from ugbench.runs.stored_outputs import check_sources, files_by_stem
from ugbench.votes.server.pictures import prepare_pictures

SECRET = (200, 10, 60)  # the colour of private pictures


@pytest.fixture
def home(tmp_path: Path, make_voting_home: Callable[..., Path]) -> Path:
    """Outputs of two tools for a data set, and private pictures with the names of its images."""
    folder = make_voting_home(tmp_path / "home", zebrafish=1, dugong=2)
    (tmp_path / "private").mkdir()
    for image in (folder / "data" / "testA").iterdir():
        Image.new("RGB", (32, 32), SECRET).save(tmp_path / "private" / image.name)
    (tmp_path / "private" / "profile").write_text("mine\n")
    return folder


def become_another_user() -> None:
    """Forget the data sets that were named in commands: results and data have come from somebody else."""
    (cache_folder() / named_roots.FILE).unlink(missing_ok=True)


def score(home: Path) -> tuple[int, str]:
    words = ["--metric", "kid", "--extractor", "random", "--cache", home / "cache"]
    result = invoke("eval", *words, "--results", home / "results", "--device", "cpu")
    assert "Traceback" not in result.stderr
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    "name",
    [
        "scores.jsonl",
        ".outputs.lock",
        "outputs/A2B/walrus3.png",
        "outputs/A2B/outputs.json",
        "../../../data/differences.jsonl",
        "../../../data/identity/scores.jsonl",
        "../../../data/dataset.json",
    ],
)
def test_eval_writes_nothing_through_a_link(home: Path, name: str) -> None:
    (run,) = [run for run in list_runs(home / "results") if run.config.label == "dugong"]
    link, profile = run.path / name, home.parent / "private" / "profile"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(profile)
    code, text = score(home)
    is_in_a_run = not name.startswith("..")
    assert code == (0 if is_in_a_run else 2) and f"{link.name} is a link" in text, text
    assert profile.read_text() == "mine\n"


@pytest.mark.parametrize("name", ["outputs", "outputs/A2B", "single"])
def test_eval_removes_and_makes_nothing_behind_a_linked_folder(home: Path, name: str) -> None:
    (run,) = [run for run in list_runs(home / "results") if run.config.label == "dugong"]
    private = home.parent / "private"
    before = sorted(private.iterdir())
    if (run.path / name).exists():
        (run.path / name).rename(home / "aside")
    (run.path / name).symlink_to(private)
    code, text = score(home)
    assert code == 0 and f"{run.id} (dugong)" in text and "is a link" in text, "the other runs are scored"
    assert sorted(private.iterdir()) == before and (private / "profile").read_text() == "mine\n"


def point_at_private(home: Path, keep_notes: bool) -> None:
    """What an attacker does: the data set's testA is a link to private pictures; notes that name others are removed."""
    for image in (home / "data" / "testA").iterdir():
        image.unlink()
    (home / "data" / "testA").rmdir()
    (home / "data" / "testA").symlink_to(home.parent / "private")
    become_another_user()
    if keep_notes:
        return
    (home / "results" / "data" / "dataset.json").unlink()
    for run in list_runs(home / "results"):
        run.outputs_note("A2B").unlink(missing_ok=True)
        config = json.loads((run.path / "config.json").read_text())
        config["dataset"].update(images={}, fingerprints={})
        (run.path / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("keep_notes", [True, False])
def test_report_shows_no_pictures_behind_a_link(home: Path, keep_notes: bool) -> None:
    (gallery, *_) = collect_report(home / "results").sections[0].galleries
    assert [column.kind for column in gallery.columns] == ["source", "output", "output"]
    point_at_private(home, keep_notes)
    (gallery, *_) = collect_report(home / "results").sections[0].galleries
    assert [column.kind for column in gallery.columns] == ["output", "output"]
    assert "testA is a link that leads out of the data set" in gallery.missing[0]


@pytest.mark.parametrize("keep_notes", [True, False])
def test_vote_shows_no_pictures_behind_a_link(home: Path, keep_notes: bool) -> None:
    words = (["zebrafish", "dugong"], str(home / "data"), None, home / "results", home / "datasets")
    assert open_galleries(*words)[0]
    point_at_private(home, keep_notes)
    with pytest.raises(UgbenchError):
        open_galleries(*words)


def test_vote_shows_no_training_images_that_no_run_knows(home: Path) -> None:
    words = (["zebrafish", "dugong"], str(home / "data"), None, home / "results", home / "datasets")
    assert open_galleries(*words)[0][0].examples
    for image in (home / "data" / "trainB").iterdir():
        image.unlink()
        image.symlink_to(next((home.parent / "private").glob("*.png")))
    runs = list_runs(home / "results")
    assert prepare_pictures(runs, open_dataset(home / "data"), "data", "A2B").examples == ()
    become_another_user()
    with pytest.raises(RunError, match="trainB"):
        dataset_of(runs[0])


def test_a_folder_that_only_a_config_names_is_not_shown(home: Path) -> None:
    """A config.json that somebody sends names a folder of this machine, and no file says what the outputs are of."""
    named = home.parent / "named"
    (home / "data").rename(named)
    (home / "results" / "data" / "dataset.json").unlink()
    for run in list_runs(home / "results"):
        run.outputs_note("A2B").unlink(missing_ok=True)
        config = json.loads((run.path / "config.json").read_text())
        config["dataset"].update(root=str(named), fingerprint="f" * 64, fingerprints={})
        (run.path / "config.json").write_text(json.dumps(config))
    (gallery, *_) = collect_report(home / "results").sections[0].galleries
    assert [column.kind for column in gallery.columns] == ["output", "output"]
    assert "were made of other images" in gallery.missing[0]
    with pytest.raises(RunError, match="were made of other images"):
        prepare_pictures(list_runs(home / "results"), open_dataset(named), "data", "A2B")


@pytest.mark.parametrize("method", ["ugatit", "cyclegan"])
def test_sources_of_a_trained_run_without_any_note_are_not_shown(results: Path, method: str) -> None:
    (run,) = [run for run in list_runs(results) if run.config.label == method]
    dataset = dataset_of(run)
    check_sources(run, "A2B", dataset)
    run.outputs_note("A2B").unlink()
    with pytest.raises(RunError, match="no file says what the outputs A2B"):
        check_sources(run, "A2B", dataset)


def test_links_to_the_very_images_that_a_run_was_made_with_are_followed(home: Path) -> None:
    (home / "data" / "testA").rename(home / "elsewhere")
    (home / "data" / "testA").symlink_to(home / "elsewhere")
    (gallery, *_) = collect_report(home / "results").sections[0].galleries
    assert [column.kind for column in gallery.columns] == ["source", "output", "output"]


def test_links_in_a_data_set_that_the_user_has_named_are_followed_when_images_change(home: Path) -> None:
    assert score(home)[0] == 0
    (home / "data" / "testB").rename(home / "disk")
    (home / "data" / "testB").symlink_to(home / "disk")
    Image.new("RGB", (32, 32)).save(home / "disk" / "new.png")
    become_another_user()
    code, says = score(home)
    assert code == 2 and "testB is a link that leads out of the data set" in says
    call("eval", "--dataset", home / "data", "--metric", "kid", "--extractor", "random", "--results", home / "results")
    assert score(home)[0] == 0


@pytest.mark.parametrize("file", ["outputs/A2B/walrus3.png", "outputs/A2B/attention/walrus3.png"])
def test_an_output_behind_a_link_is_not_shown(home: Path, file: str) -> None:
    run, *_ = list_runs(home / "results")
    (run.path / file).parent.mkdir(exist_ok=True)
    (run.path / file).unlink(missing_ok=True)
    (run.path / file).symlink_to(home.parent / "private" / "walrus3.png")
    with pytest.raises(RunError, match=r"walrus3\.png is a link"):
        files_by_stem(run, "A2B")
    output = home / "page.html"
    call("report", "--results", home / "results", "--output", output, code=2)
    assert not output.exists()


@pytest.mark.parametrize("name", ["$(id)", "../../x", "a b", "-rf", "a\x1b[2Jb", "", "x" * 65])
@pytest.mark.parametrize("field", ["method", "variant", "origin.name"])
def test_names_obey_on_reading_the_rule_of_import(home: Path, field: str, name: str) -> None:
    run, *_ = list_runs(home / "results")
    config = json.loads((run.path / "config.json").read_text())
    place, key = (config["origin"], "name") if field == "origin.name" else (config, field)
    place[key] = name
    (run.path / "config.json").write_text(json.dumps(config))
    result = invoke("eval", "--results", home / "results")
    assert result.exit_code == 2 and f"{field} {name!r} is no name" in result.stderr
