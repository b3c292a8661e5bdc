"""`ugbench train --dry-run`: what a run is and takes; nothing is trained or written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import call_in, call_json

from ugbench.runs.method_sources import method_sources
from ugbench.runs.run import find_run, list_runs

DIAL = "dial:size=32,train=6,test=4"
SMALL = ["--dataset", DIAL, "--preset", "smoke", "--size", "32", "--steps", "8"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plan")


def plan(home: Path, *words: str) -> dict[str, Any]:
    place = ("--results", home / "results", "--data-root", home / "datasets", "--device", "cpu")
    fields: dict[str, Any] = call_json("train", *words, *place, "--dry-run")
    return fields


def test_a_dry_run_names_the_run_that_training_then_makes_and_writes_nothing(home: Path) -> None:
    planned = plan(home, "cyclegan", *SMALL)
    assert not (home / "results").exists()
    assert (planned["status"], planned["step"], planned["steps"], planned["seconds_left"]) == ("missing", 0, 8, None)
    assert planned["config"]["config"]["size"] == 32
    call_in(home, "train", "cyclegan", *SMALL, "--log-every", "1")
    run = find_run(planned["id"], home / "results")
    assert str(run.path) == planned["run"]
    stored = sum(file.stat().st_size for file in run.checkpoint(8).glob("*.safetensors"))
    assert planned["checkpoint_bytes"] == pytest.approx(stored, rel=0.02)
    again = plan(home, "cyclegan", *SMALL)
    assert (again["status"], again["step"], again["seconds_left"]) == ("done", 8, 0)
    longer = plan(home, "cyclegan", *SMALL[:-1], "1000")
    assert longer["seconds_left"] == pytest.approx(1000 * longer["seconds_per_step"])
    printed = call_in(home, "train", "cyclegan", *SMALL[:-1], "1000", "--dry-run").stdout
    assert longer["id"] in printed and "1000" in printed


def test_more_checkpoints_take_more_disk(home: Path) -> None:
    few, many, all_of_them = (
        plan(home, "cyclegan", *SMALL, "--save-every", "1", "--keep", keep) for keep in ("1", "4", "all")
    )
    assert many["disk_bytes"] - few["disk_bytes"] == 3 * few["checkpoint_bytes"]
    assert all_of_them["disk_bytes"] - few["disk_bytes"] == 7 * few["checkpoint_bytes"]


@pytest.mark.parametrize(
    ("method", "free", "advice"),
    [
        ("ugatit", 10.6e9, "--set checkpoint_activations=true takes about 9."),
        ("ugatit", 8e9, "--preset light takes about 4."),
        ("ugatit", 2e9, "lower --batch-size or --size"),
        ("cyclegan", 1e9, "lower --batch-size or --size"),
    ],
)
def test_where_a_run_does_not_fit_a_preset_that_does_is_suggested(
    method: str, free: float, advice: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ugbench.training.free_memory.free_bytes", lambda _device: int(free))
    planned = plan(home, method, "--dataset", DIAL, "--precision", "fp32")
    assert planned["fits"] is False
    (problem,) = planned["problems"]
    assert "does not fit into the free memory of cpu" in problem and advice in problem


def test_where_it_fits_nothing_is_suggested(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ugbench.training.free_memory.free_bytes", lambda _device: 10**12)
    planned = plan(home, "ugatit", *SMALL)
    assert (planned["fits"], planned["problems"]) == (True, [])


def test_a_new_run_names_a_near_miss_and_a_changed_method_is_said_wherever_its_run_is_used(home: Path) -> None:
    small = [*SMALL[:-1], "2", "--precision", "fp32"]
    call_in(home, "train", "cyclegan", *small, "--seed", "5")
    (run,) = (run for run in list_runs(home / "results") if run.config.seed == 5)
    said = call_in(home, "train", "cyclegan", *small[:-3], "3", "--precision", "fp32", "--seed", "5").stderr
    assert f"run {run.id} (cyclegan) differs from this new run only in steps (2 there, 3 here)" in said
    train = ("train", "cyclegan", *small, "--seed", "5")
    score = ("eval", run.id, "--metric", "kid", "--extractor", "random")
    study = ("compare", "--methods", "cyclegan", *small, "--seeds", "5,", *score[2:])
    environment = json.loads(run.environment_file.read_text(encoding="utf-8"))
    assert environment["method_sources"] == method_sources("cyclegan")
    for sources, count in ((method_sources("cyclegan"), 0), ("0" * 64, 1)):
        run.environment_file.write_text(json.dumps({**environment, "method_sources": sources}), encoding="utf-8")
        for words in (train, score, study):
            said = call_in(home, *words).stderr
            sentence = f"the code of cyclegan has changed since the training of run {run.id} (cyclegan) began"
            assert said.count(sentence) == count, words
    assert run.step() == 2
    call_in(home, *train, "--restart")
    assert json.loads(run.environment_file.read_text(encoding="utf-8"))["method_sources"] == method_sources("cyclegan")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--seed", "99999999999999999999"],
            "'--seed': Input should be less than or equal to 9223372036854775808, and",
        ),
        (["--steps", "1000000000001"], "'--steps': Input should be less than or equal to 1000000000000, and"),
        (
            ["--set", "steps=1000000000001"],
            "steps: '1000000000001' was given; Input should be less than or equal to 1000",
        ),
    ],
)
def test_a_number_that_no_config_may_hold_is_refused_before_a_run_is_written(
    tmp_path: Path, words: list[str], message: str
) -> None:
    given = ["train", "cyclegan", "--dataset", DIAL, "--preset", "smoke", *words]
    assert message in call_in(tmp_path, *given, code=2).stderr
    assert not (tmp_path / "results").exists()
