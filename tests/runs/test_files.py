"""Links, pipes and shared files under a results folder: nothing outside it is read, changed or removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ugbench.data.tensors import save_png
from ugbench.errors import RunError
from ugbench.runs import checkpoint, jsonl
from ugbench.runs.files import LONGEST_LINE, append_text, check_tree, inside, is_file, read_lines, read_text
from ugbench.runs.folder import RunFolder, reference_scores_file, study_file
from ugbench.runs.json_file import read_json, write_json
from ugbench.runs.reset import reset
from ugbench.runs.run import Run, list_runs, read_run

PATHS: dict[str, Callable[[RunFolder], object]] = {
    "method.json": lambda run: run.method_file,
    "environment.json": lambda run: run.environment_file,
    "metrics.jsonl": lambda run: run.metrics_file,
    "timing.jsonl": lambda run: run.timing_file,
    "tensorboard": lambda run: run.tensorboard,
    "samples": lambda run: run.sample_file(3),
    "samples/0000003.png": lambda run: run.sample_file(3),
    "train.log": lambda run: run.train_log,
    "checkpoints": lambda run: run.checkpoint(3),
    "checkpoints/3": lambda run: run.checkpoint(3),
    "checkpoints/4": lambda run: run.checkpoint_steps(),
    "generators.safetensors": lambda run: run.generators_file,
    "outputs": lambda run: run.outputs("A2B"),
    "outputs/A2B": lambda run: run.outputs("A2B"),
    "outputs/A2B/outputs.json": lambda run: run.outputs_note("A2B"),
    "outputs/A2B/maps.safetensors": lambda run: run.maps_file("A2B"),
    "outputs/A2B/attention": lambda run: run.overlays("A2B"),
    "scores.jsonl": lambda run: run.scores_file,
    "single": lambda run: run.single_file("A2B", 3),
    "single/A2B": lambda run: run.single_file("A2B", 3),
    "single/A2B/3.json": lambda run: run.single_file("A2B", 3),
    ".lock": lambda run: run.is_being_trained(),
    ".outputs.lock": lambda run: run.outputs_lock(),
}


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder outside the results with one file."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "document").write_text("mine\n")
    return tmp_path / "private"


@pytest.mark.parametrize("name", PATHS)
def test_a_link_in_the_place_of_a_file_or_folder_of_a_run_is_refused(tmp_path: Path, private: Path, name: str) -> None:
    run = RunFolder(tmp_path / "results" / "data" / "toy" / "seed0-1")
    link = run.path / name
    link.parent.mkdir(parents=True)
    link.symlink_to(private if "." not in link.name else private / "document")
    with pytest.raises(RunError, match=f"{link} is a link"):
        PATHS[name](run)
    assert (private / "document").read_text() == "mine\n"


@pytest.mark.parametrize("level", ["data", "data/toy", "data/toy/seed0-1"])
def test_a_link_above_a_run_is_refused_below_the_results_folder_only(tmp_path: Path, level: str) -> None:
    disk, results = tmp_path / "disk", tmp_path / "results"
    (disk / "data" / "toy" / "seed0-1").mkdir(parents=True)
    (results / level).parent.mkdir(parents=True)
    (results / level).symlink_to(disk / level)
    with pytest.raises(RunError, match=f"{results / level} is a link"):
        _ = RunFolder(results / "data" / "toy" / "seed0-1").scores_file
    (tmp_path / "linked").symlink_to(disk)
    assert RunFolder(tmp_path / "linked" / "data" / "toy" / "seed0-1").scores_file.name == "scores.jsonl"


def test_links_among_the_files_of_a_data_set_and_of_studies_are_refused(tmp_path: Path, private: Path) -> None:
    (tmp_path / "results" / "data").mkdir(parents=True)
    for link in ("data/identity", "studies"):
        (tmp_path / "results" / link).symlink_to(private)
    with pytest.raises(RunError, match="identity is a link"):
        reference_scores_file(tmp_path / "results" / "data", "identity")
    with pytest.raises(RunError, match="studies is a link"):
        study_file(tmp_path / "results", "abc")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="is no name of a file"):
        inside(tmp_path, name)


def test_a_config_behind_a_link_is_no_run(make_run: Callable[..., Run], tmp_path: Path) -> None:
    run = make_run("results/d")
    copy = tmp_path / "results" / "d" / "toy" / "seed0-2"
    copy.mkdir(parents=True)
    (copy / "config.json").symlink_to(run.path / "config.json")
    with pytest.raises(RunError, match="is a link"):
        read_run(copy)
    assert list_runs(tmp_path / "results") == [run]


def test_lines_are_added_to_the_run_alone_where_another_file_shares_the_content(tmp_path: Path) -> None:
    file, other = tmp_path / "scores.jsonl", tmp_path / "profile"
    other.write_text("export PATH\n")
    file.hardlink_to(other)
    jsonl.append(file, [{"method": "$(id)"}])
    assert other.read_text() == "export PATH\n"
    assert file.read_text() == 'export PATH\n{"method": "$(id)"}\n'


def test_a_lock_never_empties_a_file(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "results" / "data" / "toy" / "seed0-1")
    run.path.mkdir(parents=True)
    (tmp_path / "document").write_text("mine")
    (run.path / ".lock").hardlink_to(tmp_path / "document")
    with pytest.raises(RunError, match="has 4 bytes"), run.training_lock():
        pass
    assert (tmp_path / "document").read_text() == "mine"


def test_an_image_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path, private: Path) -> None:
    file = tmp_path / "1.png"
    file.symlink_to(private / "document")
    save_png(torch.zeros(3, 4, 4, dtype=torch.uint8), file)
    assert (private / "document").read_text() == "mine\n"
    assert not file.is_symlink() and file.read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.glob("*png*")] == ["1.png"]


def test_a_link_with_a_temporary_name_is_not_written_through(tmp_path: Path, private: Path) -> None:
    for name in ("a.json", "a.safetensors"):
        (tmp_path / f".{name}.{os.getpid()}").symlink_to(private / "document")
    write_json(tmp_path / "a.json", {"a": 1})
    checkpoint.write_tensors(tmp_path / "a.safetensors", {"a": torch.zeros(1)})
    assert (private / "document").read_text() == "mine\n"
    assert read_json(tmp_path / "a.json") == {"a": 1}


def test_a_manifest_names_files_of_its_own_folder_only(tmp_path: Path) -> None:
    folder = checkpoint.save(tmp_path, checkpoint.Checkpoint(1, {"method": {"a": torch.ones(2)}}, {}))
    manifest = read_json(folder / "manifest.json")
    del manifest["sha256"]  # as in older versions, so that nothing but the name is refused
    (tmp_path / "elsewhere.safetensors").write_bytes((folder / "method.safetensors").read_bytes())
    manifest["files"] = {"../elsewhere.safetensors": manifest["files"]["method.safetensors"]}
    write_json(folder / "manifest.json", manifest)
    with pytest.raises(RunError, match="is no name of a file"):
        checkpoint.load(folder)


def test_reset_removes_nothing_behind_a_link(make_run: Callable[..., Run], private: Path) -> None:
    run = make_run()
    (run.path / "outputs").symlink_to(private)
    with pytest.raises(RunError, match="outputs is a link"):
        reset(run)
    assert (private / "document").exists()


def test_a_pipe_or_a_device_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (
        read_text,
        is_file,
        read_json,
        lambda file: list(read_lines(file)),
        lambda file: append_text(file, ""),
    ):
        with pytest.raises(RunError, match="pipe is a pipe"):
            read(tmp_path / "pipe")
        with pytest.raises(RunError, match="/dev/zero is a device"):
            read(Path("/dev/zero"))
    with pytest.raises(RunError, match="pipe is a pipe"):
        check_tree(tmp_path)


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    file = tmp_path / "sparse"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(RunError, match="has 1,099,511,627,776 bytes"):
        read_text(file)
    with pytest.raises(RunError, match=f"line 1 has more than {LONGEST_LINE:,} bytes"):
        list(read_lines(file))
    with pytest.raises(RunError, match="sparse has"):
        check_tree(tmp_path)


def test_a_missing_file_is_no_file(tmp_path: Path) -> None:
    assert not is_file(tmp_path / "none") and not is_file(tmp_path / "none" / "deeper")
    check_tree(tmp_path / "none")
