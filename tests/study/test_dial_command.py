"""`ablate --dial` from declaration to verdict on a tiny dial, and the same call again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from ugbench.cli.app import app
from ugbench.study import runner
from ugbench.study.plan import Planned, again
from ugbench.tables.rho_records import read_all
from ugbench.training import loop
from ugbench.training.prepare import prepare

DIAL = "dial:size=32,train=4,test=3"
TINY = ["--seeds", "1", "--steps", "2", "--batch-size", "1", "--set", "channels=4,discriminator_channels=4,blocks=1"]
ABLATE = ["ablate", "--dial", "--dataset", DIAL, *TINY]
ARMS = ["rho-from-0", "rho-from-05", "rho-from-1", "rho0", "adain"]
SETTINGS = {"dial-s0-t0-32": (0, 0), "dial-s1-t0-32": (1, 0), "dial-s0-t1-32": (0, 1)}


def call(folder: Path, *words: str, code: int = 0) -> Any:
    where = ["--results", str(folder / "results"), "--data-root", str(folder / "datasets"), "--device", "cpu"]
    result = CliRunner().invoke(app, [*words, *where, "--cache", str(folder / "cache")])
    assert result.exit_code == code, result.stderr
    return result


def train_here(planned: Sequence[Planned], *_rest: object) -> list[runner.Outcome]:
    """What `train_all` does, without a process for each of thirteen runs of two steps."""
    for one in planned:
        prepared = prepare(one.request)
        loop.train(prepared.run, prepared.images, torch.device("cpu"))
    return [runner.Outcome(again(one), "done") for one in planned]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dial")


@pytest.fixture(scope="module")
def first(home: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "train_all", train_here)
        return json.loads(call(home, *ABLATE, "--json").stdout)


def test_every_arm_runs_on_every_setting_but_no_fixed_rho_in_the_placebo(first: Any) -> None:
    found = {(run["dataset"].removesuffix("-train4-test3"), run["variant"]) for run in first["runs"]}
    assert found == {
        (dataset, arm) for dataset in SETTINGS for arm in (ARMS if SETTINGS[dataset] != (0, 0) else ARMS[:3])
    }
    assert all((run["status"], run["steps"]) == ("done", 2) for run in first["runs"])


def test_the_truth_scores_need_no_network_and_the_placebo_has_nothing_to_change(first: Any) -> None:
    cells = {(row["dataset"], row["direction"], row["variant"]): row["cells"].keys() for row in first["table"]["rows"]}
    assert cells["dial-s1-t0-32-train4-test3", "A2B", "rho0"] == {"changed", "unchanged", "iou"}
    assert cells["dial-s0-t0-32-train4-test3", "B2A", "rho-from-0"] == {"unchanged", "iou"}


def test_each_learnt_rho_is_kept_where_it_ended(home: Path, first: Any) -> None:
    records = read_all(home / "results")
    assert [one.model_dump() for one in sorted(records, key=lambda r: (r.run, r.direction))] == sorted(
        first["rho"], key=lambda r: (r["run"], r["direction"])
    )
    assert len(records) == 3 * 3 * 2
    for one in records:
        assert (one.shape, one.texture) == SETTINGS[one.dataset.removesuffix("-train4-test3")]
        # Two steps at a hundred times the rate of 1e-3, up or down, and never out of [0, 1].
        assert abs(one.value - one.start) <= 0.21 and 0 <= one.value <= 1
        assert (one.step, len(one.layers)) == (2, 2)
        assert one.value == pytest.approx(sum(one.layers.values()) / 2)


def test_one_seed_says_that_it_is_too_few_and_gives_the_figures(first: Any) -> None:
    found = first["adaptation"]
    assert (found["answer"], found["worth"], found["seeds"], found["needed"]) == (
        "not testable",
        "not testable",
        [0],
        7,
    )
    assert found["text"][0] == "Does rho adapt? Not testable: 1 whole seed, and 7 are needed."
    ends = {(r["shape"], r["texture"], r["direction"], r["start"]): r["value"] for r in first["rho"]}
    gap = next(m for m in found["meetings"] if m["setting"] == [1, 0] and m["starts"] == [0, 1])
    assert gap["difference"]["mean"] == pytest.approx(ends[1, 0, "A2B", 1.0] - ends[1, 0, "A2B", 0.0])


def test_a_second_time_nothing_is_trained_scored_or_kept(home: Path, first: Any) -> None:
    before = {path: path.read_bytes() for path in (home / "results").rglob("*.jsonl")}
    result = call(home, *ABLATE, "--json")
    assert "13 done, 0 half done, 0 missing; nothing to train" in result.stderr
    again = json.loads(result.stdout)
    assert [run["id"] for run in again["runs"]] == [run["id"] for run in first["runs"]]
    for name in ("table", "rho", "adaptation"):
        assert again[name] == first[name]
    assert {path: path.read_bytes() for path in (home / "results").rglob("*.jsonl")} == before


def test_the_verdict_is_printed_after_the_table_and_the_figure_drawn(home: Path, first: Any) -> None:
    result = call(home, *ABLATE)
    assert result.stdout.splitlines()[-len(first["adaptation"]["text"]) :] == first["adaptation"]["text"]
    picture = home / "dial.png"
    drawn = CliRunner().invoke(app, ["figure", "dial", "--output", str(picture), "--results", str(home / "results")])
    assert drawn.exit_code == 0 and picture.stat().st_size > 10_000


def test_a_dial_of_another_size_is_trained_at_that_size_and_one_without_at_the_studys(home: Path) -> None:
    def runs(*words: str) -> set[str]:
        plan = json.loads(call(home, "ablate", "--dial", *words, "--seeds", "1", "--dry-run", "--json").stdout)["runs"]
        return {run["id"] for run in plan}

    at_64 = runs("--dataset", "dial:size=64,train=2,test=2")
    assert at_64 == runs("--dataset", "dial:train=2,test=2", "--size", "64")
    assert runs("--dataset", "dial:train=2,test=2") == runs("--dataset", "dial:size=32,train=2,test=2")
    assert at_64.isdisjoint(runs("--dataset", "dial:size=64,train=2,test=2", "--size", "32"))


def test_the_rate_of_all_learnt_arms_can_be_another(home: Path) -> None:
    assert "91 runs" in call(home, "ablate", "--dial", "--set", "rho_lr_factor=30", "--dry-run").stderr


def test_the_verdict_has_its_scores_whatever_else_is_asked_for(home: Path, first: Any) -> None:
    found = json.loads(call(home, *ABLATE, "--metric", "cam_mass", "--json").stdout)
    assert found["adaptation"] == first["adaptation"]
    cells = {(row["dataset"], row["variant"]): row["cells"].keys() for row in found["table"]["rows"]}
    assert "cam_mass" in cells["dial-s1-t0-32-train4-test3", "rho0"]
    assert "cam_mass" not in cells["dial-s0-t0-32-train4-test3", "rho-from-0"]


def test_a_plan_is_the_studys_own_unless_something_else_is_said(home: Path) -> None:
    plan = json.loads(call(home, *ABLATE[:4], "--dry-run", "--json").stdout)["runs"]
    assert len(plan) == (3 + 5 + 5) * 7
    assert {(run["dataset"].removesuffix("-train4-test3"), run["steps"]) for run in plan} == {
        (name, 1000) for name in SETTINGS
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ablate", "cyclegan", "--dial"], "cyclegan learns no share to put to the test; name one that does: ugatit"),
        (["ablate", "--dial", "--dataset", "dial:shape=1"], "turns a dial's shape and texture itself"),
        (["ablate", "--dial", "--dataset", DIAL, "--dataset", DIAL], "turns one dial, and 2 data sets were given"),
        (["ablate", "--dial", "--set", "rho_start=0.5"], "--set rho_start: the arms of --dial differ in it; leave"),
        (["ablate", "--dial", "--variants", "lnn"], "did you mean 'ln'"),
    ],
)
def test_a_wrong_call_is_one_sentence(words: list[str], message: str, home: Path) -> None:
    refused = call(home, *words, code=2)
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
