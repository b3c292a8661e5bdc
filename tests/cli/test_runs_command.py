"""`ugbench runs`: every run under a results folder and how far it is."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import Result

from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs import checkpoint
from ugbench.runs.failure import record_failure
from ugbench.runs.run import DatasetRecord, Run, RunConfig, find_run, open_run

Call = Callable[..., Result]


def make_run(
    results: Path,
    seed: int,
    variant: str | None,
    step: int,
    method: str = "ugatit",
    steps: int = 10,
    direction: Direction | None = None,
) -> Run:
    """A run of 10 steps with a checkpoint at `step`; none at 0."""
    config = RunConfig(
        method=method,
        variant=variant,
        preset="smoke",
        config={"steps": steps, "size": 32},
        dataset=DatasetRecord(name="cats", root="/d", fingerprint="f", images={"trainA": 2}),
        direction=direction,
        seed=seed,
        precision="fp32",
    )
    run = open_run(results / "cats", config)
    if step:
        checkpoint.save(run.checkpoints, checkpoint.Checkpoint(step, {"method": {"w": torch.zeros(1)}}, {}))
    return run


@pytest.fixture
def three(tmp_path: Path) -> list[Run]:
    return [
        make_run(tmp_path, 0, None, 10),
        make_run(tmp_path, 1, None, 4),
        make_run(tmp_path, 0, "no-cam", 0),
    ]


def test_runs_are_listed_with_how_far_they_are(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    listed = json.loads(ugbench("runs", "--results", tmp_path, "--json").stdout)
    states = [(row["id"], row["variant"], row["seed"], row["step"], row["steps"], row["status"]) for row in listed]
    done, stopped, new = (run.id for run in three)
    assert states == [
        (done, None, 0, 10, 10, "done"),
        (stopped, None, 1, 4, 10, "stopped"),
        (new, "no-cam", 0, 0, 10, "new"),
    ]
    assert [row["path"] for row in listed] == [str(run.path) for run in three]
    assert {(row["dataset"], row["method"], row["direction"]) for row in listed} == {("cats", "ugatit", None)}


def test_a_person_reads_a_line_a_run(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    lines = ugbench("runs", "--results", tmp_path).stdout.splitlines()
    assert " ".join(lines[0].split()) == "id dataset method variant seed step status left disk differs in"
    assert lines[2].split() == [three[1].id, "cats", "ugatit", "-", "1", "4/10", "stopped", "-", "1", "kB", "-"]
    assert len(lines) == 4


def test_runs_that_learn_one_direction_each_are_told_apart(ugbench: Call, tmp_path: Path) -> None:
    ways: list[Direction] = ["A2B", "B2A"]
    runs = {make_run(tmp_path, 0, None, 10, method="cut", direction=way).id: way for way in ways}
    lines = ugbench("runs", "--results", tmp_path).stdout.splitlines()[1:]
    assert {line.split()[0]: line.split()[1:6] for line in lines} == {
        run: ["cats", "cut", way, "-", "0"] for run, way in runs.items()
    }
    assert {run: row["direction"] for run, row in rows_of(ugbench, tmp_path).items()} == runs


def test_a_run_that_lies_in_two_folders_is_listed_twice_and_the_folders_are_named(
    ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    other = tmp_path / "cats-0a1b2c" / three[1].path.relative_to(tmp_path / "cats")
    shutil.copytree(three[1].path, other)
    shutil.rmtree(other / "checkpoints")
    result = ugbench("runs", "--results", tmp_path)
    assert [line.split()[1] for line in result.stdout.splitlines() if three[1].id in line] == ["cats", "cats-0a1b2c"]
    places = f"{three[1].path} (step 4), {other} (step 0)"
    assert f"run {three[1].id} lies in 2 folders: {places}. Commands use" in result.stderr
    said = ugbench("export", three[1].id, "--results", tmp_path, "--output", tmp_path / "x.safetensors").stderr
    assert f"run {three[1].id} lies in several folders: {three[1].path} is used, not {other} (step" in said


def test_the_environment_names_the_results_folder(
    ugbench: Call, three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UGBENCH_RESULTS", str(tmp_path))
    assert len(json.loads(ugbench("runs", "--json").stdout)) == 3


def test_no_runs_is_an_empty_list_and_a_hint(ugbench: Call, tmp_path: Path) -> None:
    assert json.loads(ugbench("runs", "--results", tmp_path / "none", "--json").stdout) == []
    result = ugbench("runs", "--results", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no runs in {tmp_path}/none; `ugbench train METHOD --dataset DATA` makes one.\n"


def rows_of(ugbench: Call, results: Path, *words: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads(ugbench("runs", *words, "--results", results, "--json").stdout)}


def test_a_run_that_cannot_be_read_is_a_line_and_hides_no_other(
    ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    config = read_config(three[1])
    for content in ("{", "[1]", '{"method": 3}', json.dumps({**config, "seed": "x"})):
        (three[1].path / "config.json").write_text(content)
        result = ugbench("runs", "--results", tmp_path)
        assert result.exit_code == 0
        (line,) = [line for line in result.stdout.splitlines() if three[1].id in line]
        assert "unreadable" in line
        assert str(three[1].path / "config.json") in result.stderr
        rows = rows_of(ugbench, tmp_path)
        assert {run_id: row["status"] for run_id, row in rows.items()} == {
            three[0].id: "done",
            three[1].id: "unreadable",
            three[2].id: "new",
        }
        assert str(three[1].path / "config.json") in rows[three[1].id]["reason"]


def read_config(run: Run) -> dict[str, Any]:
    return json.loads((run.path / "config.json").read_text())


def test_a_damaged_log_makes_its_run_unreadable_and_no_other(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    three[1].timing_file.write_text("no json\n")
    rows = rows_of(ugbench, tmp_path)
    assert [row["status"] for row in rows.values()] == ["done", "unreadable", "new"]
    assert "timing.jsonl, line 1" in rows[three[1].id]["reason"]


def test_a_method_that_is_not_installed_is_named(ugbench: Call, tmp_path: Path) -> None:
    run = make_run(tmp_path, 0, None, 10, method="gone")
    result = ugbench("runs", "--results", tmp_path)
    assert "not installed" in result.stdout
    assert "no method is called 'gone'" in result.stderr
    assert rows_of(ugbench, tmp_path)[run.id]["status"] == "not installed"


def test_a_run_that_is_trained_now_runs_and_shows_its_log_and_the_time_left(
    ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    run = three[1]
    run.metrics_file.write_text('{"step": 6, "g/a": 1.0}\n')
    run.timing_file.write_text('{"step": 6, "seconds_per_step": 30.0}\n')
    with run.training_lock():
        rows = rows_of(ugbench, tmp_path)
        (line,) = [line for line in ugbench("runs", "--results", tmp_path).stdout.splitlines() if run.id in line]
    row = rows[run.id]
    assert (row["status"], row["step"], row["logged_step"], row["seconds_left"]) == ("running", 4, 6, 120.0)
    assert line.split()[5:9] == ["6/10", "running", "2", "min"]
    assert rows_of(ugbench, tmp_path)[run.id]["status"] == "stopped"


def test_a_training_that_ended_with_an_error_failed_and_says_why(
    ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="boom"), record_failure(three[1]):
        raise ValueError("boom\nat last")
    row = rows_of(ugbench, tmp_path)[three[1].id]
    assert (row["status"], row["reason"]) == ("failed", "boom at last")
    assert f"{three[1].id}, failed: boom at last\n" in ugbench("runs", "--results", tmp_path).stderr


def test_disk_use_is_the_size_of_all_files(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    before = rows_of(ugbench, tmp_path)[three[2].id]["disk_bytes"]
    (three[2].path / "samples").mkdir()
    (three[2].path / "samples" / "1.png").write_bytes(bytes(5_000_000))
    assert rows_of(ugbench, tmp_path)[three[2].id]["disk_bytes"] == before + 5_000_000
    assert "5.0 MB" in ugbench("runs", "--results", tmp_path).stdout


def test_what_differs_between_runs_of_a_label_is_shown(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    longer = make_run(tmp_path, 0, None, 0, steps=20)
    rows = rows_of(ugbench, tmp_path)
    assert [rows[run.id]["config"] for run in (*three, longer)] == [{"steps": 10}, {"steps": 10}, {}, {"steps": 20}]
    (line,) = [line for line in ugbench("runs", "--results", tmp_path).stdout.splitlines() if longer.id in line]
    assert line.endswith("steps 20")


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["--method", "ugatit"], [0, 1, 2, 3]),
        (["--method", "unit"], [4]),
        (["--method", "unit,ugatit", "--where", "steps=20"], [3]),
        (["--where", "seed=0,steps=10", "--dataset", "cats"], [0, 2, 4]),
    ],
)
def test_filters_choose_runs(
    words: list[str], chosen: list[int], ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    runs = [*three, make_run(tmp_path, 0, None, 0, steps=20), make_run(tmp_path, 0, None, 0, method="unit")]
    assert set(rows_of(ugbench, tmp_path, *words)) == {runs[place].id for place in chosen}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "ugatti"], "did you mean 'ugatit'"),
        (["--dataset", "cat"], "did you mean 'cats'"),
        (["--where", "steps=7"], "--where steps=7: no run has that; steps is 10 here"),
        (["--watch", "--json"], "exclude each other"),
        (["--json", "show", "x"], "put it after `ugbench runs show`"),
    ],
)
def test_a_wrong_filter_is_one_sentence(
    words: list[str], message: str, ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    result = ugbench("runs", *words, env={"UGBENCH_RESULTS": str(tmp_path)})
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_watch_prints_the_list_once_where_nobody_watches(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    once = ugbench("runs", "--results", tmp_path).stdout
    assert ugbench("runs", "--results", tmp_path, "--watch").stdout == once


def test_show_prints_the_state_and_the_whole_config(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    run = three[1]
    fields = json.loads(ugbench("runs", "show", run.id[:6], "--results", tmp_path, "--json").stdout)
    assert (fields["id"], fields["status"], fields["checkpoints"]) == (run.id, "stopped", [4])
    assert fields["config"] == read_config(run)
    lines = ugbench("runs", "show", run.id, "--results", tmp_path).stdout.splitlines()
    assert ["step", "4 saved, 4 logged, of 10"] in [line.split(maxsplit=1) for line in lines]
    assert ["steps", "10"] in [line.split() for line in lines]


def test_a_renamed_run_is_found_by_its_name_and_keeps_its_id(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    run = three[1]
    assert ugbench("runs", "rename", run.id, "best", "--results", tmp_path).exit_code == 0
    assert find_run("best", tmp_path).id == find_run(run.id, tmp_path).id == run.id
    assert find_run("best", tmp_path).path == run.path
    assert rows_of(ugbench, tmp_path)[run.id]["given_name"] == "best"
    assert f"{run.id} (best)" in ugbench("runs", "--results", tmp_path).stdout
    assert ugbench("runs", "rename", "best", "better", "--results", tmp_path).exit_code == 0
    with pytest.raises(RunError, match="has that name"):
        find_run("best", tmp_path)


def test_names_that_cannot_be_or_are_taken_are_refused(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    assert ugbench("runs", "rename", three[0].id, "best", "--results", tmp_path).exit_code == 0
    for name in ("../x", "a b", "$(x)", "x" * 65, "-x", "best", three[2].id[:5]):
        result = ugbench("runs", "rename", "--results", tmp_path, "--", three[1].id, name)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), name
    assert not three[1].name_file.exists()


def test_a_name_that_was_put_there_and_is_none_is_not_shown(ugbench: Call, three: list[Run], tmp_path: Path) -> None:
    three[0].name_file.write_text("$(reboot)\x1b[2J")
    assert rows_of(ugbench, tmp_path)[three[0].id]["given_name"] is None
    (tmp_path / "elsewhere").write_text("best")
    (three[1].path / "name.txt").symlink_to(tmp_path / "elsewhere")
    assert find_run(three[2].id, tmp_path).id == three[2].id  # a bad name of one run hides no other
    assert rows_of(ugbench, tmp_path)[three[1].id]["given_name"] is None


def test_remove_asks_and_without_an_answer_removes_nothing(
    ugbench: Call, three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ugbench("runs", "remove", three[0].id, "--results", tmp_path)
    assert result.exit_code == 2 and "give --yes" in result.stderr
    monkeypatch.setattr("ugbench.cli.runs_remove.is_terminal", lambda: True)
    for answer, remains in (("n\n", True), ("y\n", False)):
        result = ugbench("runs", "remove", three[0].id, "--results", tmp_path, input=answer)
        assert f"Remove run {three[0].id}" in result.stderr
        assert three[0].path.exists() is remains


def test_remove_takes_the_folder_and_the_lines_of_differences_and_leaves_the_rest(
    ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    file = three[0].dataset_folder / "differences.jsonl"
    pairs = [(three[0].id, three[1].id), (three[1].id, three[2].id)]
    file.write_text("".join(json.dumps({"first": first, "second": second}) + "\n" for first, second in pairs))
    result = ugbench("runs", "remove", three[0].id, "--yes", "--results", tmp_path, "--json")
    assert json.loads(result.stdout)["removed"] == three[0].id
    assert set(rows_of(ugbench, tmp_path)) == {three[1].id, three[2].id}
    assert file.read_text() == json.dumps({"first": three[1].id, "second": three[2].id}) + "\n"
    assert ugbench("runs", "remove", three[2].id, "--yes", "--results", tmp_path).exit_code == 0
    assert not three[2].path.parent.exists()  # it was the only run of its variant


@pytest.mark.parametrize("by_folder", [True, False])
def test_a_run_with_a_damaged_config_is_removed_by_its_folder_or_whole_id(
    ugbench: Call, three: list[Run], tmp_path: Path, by_folder: bool
) -> None:
    (three[0].path / "config.json").write_text("{")
    name = three[0].path if by_folder else three[0].path.name.rpartition("-")[2]
    result = ugbench("runs", "remove", str(name), "--yes", "--results", tmp_path)
    assert result.exit_code == 0 and "removed run" in result.stderr
    assert not three[0].path.exists() and three[1].path.exists()


@pytest.mark.parametrize("lock", ["training_lock", "outputs_lock"])
def test_a_run_that_is_trained_or_scored_is_not_removed(
    lock: str, ugbench: Call, three: list[Run], tmp_path: Path
) -> None:
    files = sorted(three[0].checkpoints.rglob("*"))
    code = f"""
import sys, time
from pathlib import Path
from ugbench.runs.folder import RunFolder
with RunFolder(Path({str(three[0].path)!r})).{lock}():
    print("held", flush=True)
    time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        result = ugbench("runs", "remove", three[0].id, "--yes", "--results", tmp_path)
    finally:
        holder.kill()
        holder.communicate()
    assert result.exit_code == 2 and "another process" in result.stderr
    assert sorted(three[0].checkpoints.rglob("*")) == files
