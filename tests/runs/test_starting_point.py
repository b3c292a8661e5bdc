"""RUN and RUN@STEP name a checkpoint of another run, and the same text means the same run later."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ugbench.errors import RunError
from ugbench.runs import checkpoint
from ugbench.runs.checkpoint import Checkpoint
from ugbench.runs.configurations import configurations
from ugbench.runs.run import Run, RunConfig, open_run
from ugbench.runs.starting_point import find_recorded, find_starting_point, newer_step, split_step, with_start


def save(run: Run, *steps: int) -> None:
    for step in steps:
        checkpoint.save(run.checkpoints, Checkpoint(step, {"method": {"w": torch.ones(1)}}, {}))


@pytest.fixture
def earlier(make_run: Callable[..., Run]) -> Run:
    """A run with checkpoints of the steps 2 and 4."""
    run = make_run("d")
    save(run, 2, 4)
    return run


@pytest.fixture
def longer(make_run: Callable[..., Run]) -> RunConfig:
    """The config of a run of more steps, which is not begun."""
    return make_run("aside", steps=16).config


def begin(earlier: Run, config: RunConfig) -> Run:
    return open_run(earlier.dataset_folder, config)


def test_a_step_follows_an_at_sign_unless_a_folder_is_called_so(make_run: Callable[..., Run], tmp_path: Path) -> None:
    assert split_step("c327@200") == ("c327", 200)
    assert split_step("c327") == ("c327", None)
    assert split_step("results/d@2/run@200") == ("results/d@2/run", 200)
    folder = make_run("d").path.rename(tmp_path / "run@200")
    assert split_step(str(folder)) == (str(folder), None)


@pytest.mark.parametrize(("step", "expected"), [("", 4), ("@2", 2), ("@4", 4)])
def test_the_last_checkpoint_is_meant_or_the_one_that_is_named(earlier: Run, step: str, expected: int) -> None:
    for run in (earlier.id, earlier.id[:6], str(earlier.path)):
        assert find_starting_point(run + step, "init_from", earlier.results).name == f"{earlier.id}@{expected}"


def test_a_checkpoint_that_is_not_kept_is_refused_with_those_that_are(earlier: Run) -> None:
    with pytest.raises(RunError, match=r"^--continue-from .*@3: .* no checkpoint of step 3; name one .* kept: 2, 4\."):
        find_starting_point(f"{earlier.id}@3", "continue_from", earlier.results)


def test_a_run_without_checkpoints_is_refused(make_run: Callable[..., Run]) -> None:
    run = make_run("d", seed=3)
    with pytest.raises(RunError, match=r"^--init-from .*: run .* has no checkpoint yet; train it first"):
        find_starting_point(run.id, "init_from", run.results)


def test_the_config_records_the_whole_id_and_the_step(earlier: Run, longer: RunConfig) -> None:
    start, results = earlier.id[:5], earlier.results
    assert with_start(longer, "continue_from", start, results).continue_from == f"{earlier.id}@4"
    assert with_start(longer, "continue_from", f"{start}@2", results).continue_from == f"{earlier.id}@2"
    assert with_start(longer, "init_from", start, results).init_from == f"{earlier.id}@4"
    assert with_start(longer, "init_from", f"{start}@2", results).init_from == f"{earlier.id}@2"


def test_of_a_run_that_is_done_new_weights_record_the_id_alone(earlier: Run, longer: RunConfig) -> None:
    save(earlier, earlier.steps)
    results = earlier.results
    assert with_start(longer, "init_from", earlier.id, results).init_from == earlier.id
    assert with_start(longer, "init_from", f"{earlier.id}@8", results).init_from == f"{earlier.id}@8"
    assert with_start(longer, "continue_from", earlier.id, results).continue_from == f"{earlier.id}@8"


def test_seeds_that_began_before_and_after_a_run_was_done_have_two_configurations(
    earlier: Run, longer: RunConfig
) -> None:
    first = begin(earlier, with_start(longer, "init_from", earlier.id, earlier.results))
    save(earlier, earlier.steps)
    other_seed = longer.model_copy(update={"seed": 1})
    second = begin(earlier, with_start(other_seed, "init_from", earlier.id, earlier.results))
    by_run = configurations([earlier, first, second])
    assert by_run[first.id].id != by_run[second.id].id
    assert [by_run[run.id].fields["init_from"] for run in (first, second)] == [f"{earlier.id}@4", earlier.id]


def test_a_run_that_records_no_step_is_the_one_that_a_run_without_a_step_means(earlier: Run, longer: RunConfig) -> None:
    for recorded in (earlier.id, f"{earlier.id}@2", f"{earlier.id}@4"):
        begin(earlier, longer.model_copy(update={"init_from": recorded}))
    assert with_start(longer, "init_from", earlier.id, earlier.results).init_from == earlier.id
    assert with_start(longer, "init_from", f"{earlier.id}@2", earlier.results).init_from == f"{earlier.id}@2"


@pytest.mark.parametrize("field", ["init_from", "continue_from"])
@pytest.mark.parametrize("change", ["trained further", "removed"])
@pytest.mark.parametrize("text", ["{id}", "{start}", "{path}", "{id}@4"])
def test_the_same_command_means_the_same_run_later(
    earlier: Run, longer: RunConfig, field: str, change: str, text: str
) -> None:
    text = text.format(id=earlier.id, start=earlier.id[:5], path=earlier.path)
    config = with_start(longer, field, text, earlier.results)
    begin(earlier, config)
    if change == "removed":
        shutil.rmtree(earlier.path)
    else:
        save(earlier, 8)
    assert with_start(longer, field, text, earlier.results) == config


def test_another_training_of_the_same_run_is_not_mistaken_for_it(earlier: Run, longer: RunConfig) -> None:
    begin(earlier, with_start(longer, "continue_from", f"{earlier.id}@2", earlier.results))
    other = longer.model_copy(update={"config": {**longer.config, "steps": 32}})
    assert with_start(other, "continue_from", earlier.id, earlier.results).continue_from == f"{earlier.id}@4"


def test_of_several_earlier_runs_the_one_from_the_last_checkpoint_is_meant(earlier: Run, longer: RunConfig) -> None:
    for step in (2, 4):
        begin(earlier, with_start(longer, "continue_from", f"{earlier.id}@{step}", earlier.results))
    assert with_start(longer, "continue_from", earlier.id, earlier.results).continue_from == f"{earlier.id}@4"
    save(earlier, 8)
    with pytest.raises(RunError, match=f"began from {earlier.id}@2, {earlier.id}@4; name one of these"):
        with_start(longer, "continue_from", earlier.id, earlier.results)


def test_a_run_that_has_trained_further_since_is_noticed(earlier: Run) -> None:
    recorded, results = f"{earlier.id}@4", earlier.results
    assert newer_step(earlier.id, recorded, results) is None
    save(earlier, 8)
    assert newer_step(earlier.id, recorded, results) == 8
    assert newer_step(f"{earlier.id}@4", recorded, results) is None
    assert newer_step(earlier.id, earlier.id, results) is None
    shutil.rmtree(earlier.path)
    assert newer_step(earlier.id, recorded, results) is None


def test_a_recorded_checkpoint_is_found_by_its_whole_id_or_in_the_folder_that_was_named(
    earlier: Run, longer: RunConfig, tmp_path: Path
) -> None:
    config = with_start(longer, "continue_from", f"{earlier.id[:4]}@2", earlier.results)
    assert find_recorded(config, "continue_from", "no longer unique", earlier.results).name == f"{earlier.id}@2"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert find_recorded(config, "continue_from", str(earlier.path), elsewhere).name == f"{earlier.id}@2"
