"""`python -m benchmarks.dial_study` from declaration to verdict on a tiny dial, and the same call again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.dial_study import rho_records, training
from benchmarks.dial_study.__main__ import main
from benchmarks.dial_study.design import ARMS, study_fields
from ugbench.cli.app import app

ROOT = Path(__file__).parents[3]
RECORDS = ROOT / "docs" / "reference" / "dial-study"
DIAL = "dial:size=32,train=4,test=3"
TRAINING = {"--steps": "2", "--batch-size": "1"}
CONFIG = ("channels=4", "discriminator_channels=4", "blocks=1")
TINY = [
    *("run", "--dataset", DIAL, "--seeds", "1", "--set", ",".join(f"ugatit.{field}" for field in CONFIG)),
    *(word for option in TRAINING.items() for word in option),
]
SETTINGS = {
    "dial-s0-t0-32-train4-test3": (0, 0),
    "dial-s1-t0-32-train4-test3": (1, 0),
    "dial-s0-t1-32-train4-test3": (0, 1),
}
Output = pytest.CaptureFixture[str]


def call_here(command: Sequence[str], capture: bool = False) -> tuple[int, str]:
    """`training.call` in this process, which has torch loaded already."""
    assert command[1:3] == ["-m", "ugbench"]
    result = CliRunner().invoke(app, command[3:])
    print(result.stderr, file=sys.stderr, end="")
    if not capture:
        print(result.stdout, end="")
    return result.exit_code, result.stdout


@pytest.fixture(scope="module", autouse=True)
def one_process() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "call", call_here)
        yield


def folders(home: Path) -> list[str]:
    return ["--results", str(home / "results"), "--data-root", str(home / "datasets"), "--device", "cpu"]


def run(home: Path, *words: str) -> int:
    return main([*words, *folders(home), "--cache", str(home / "cache")])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every run of the tiny study was trained by `ugbench train`."""
    home = tmp_path_factory.mktemp("dial")
    fields = study_fields(DIAL)
    for dataset in fields["datasets"]:
        for variant in ARMS:
            if f"ugatit-{variant}" not in fields["without"].get(dataset, ()):
                words = ["train", "ugatit", "--variant", variant, "--dataset", dataset, "--preset", fields["preset"]]
                words += ["--seed", "0", "--size", "32", "--set", ",".join(CONFIG), *folders(home)]
                words += [word for option in TRAINING.items() for word in option]
                result = CliRunner().invoke(app, words, catch_exceptions=False)
                assert result.exit_code == 0, result.stderr
    return home


@pytest.fixture(scope="module")
def first(home: Path) -> Any:
    """What the first call printed as JSON."""
    patch = pytest.MonkeyPatch()
    printed: list[Any] = []
    patch.setattr("benchmarks.dial_study.__main__._print_json", lambda content: printed.append(content) or 0)
    assert run(home, *TINY, "--json") == 0
    patch.undo()
    return json.loads(json.dumps(printed[0]))


def test_every_arm_runs_in_every_setting_but_no_fixed_rho_in_the_placebo(first: Any) -> None:
    learnt = [variant for variant, arm in ARMS.items() if arm.learnt]
    assert {(run["dataset"], run["variant"]) for run in first["runs"]} == {
        (dataset, variant)
        for dataset, setting in SETTINGS.items()
        for variant in (ARMS if setting != (0, 0) else learnt)
    }
    assert all((run["status"], run["steps"]) == ("done", 2) for run in first["runs"])


def test_the_truth_scores_need_no_network_and_the_placebo_has_nothing_to_change(first: Any) -> None:
    cells = {(row["dataset"], row["direction"], row["variant"]): row["cells"].keys() for row in first["table"]["rows"]}
    assert cells["dial-s1-t0-32-train4-test3", "A2B", "rho0"] == {"changed", "unchanged", "iou"}
    assert cells["dial-s0-t0-32-train4-test3", "B2A", "rho-from-0"] == {"unchanged", "iou"}


def test_each_learnt_rho_is_stored_where_it_ended(home: Path, first: Any) -> None:
    records = rho_records.read_all(home / "results")

    def key(record: dict[str, Any]) -> tuple[str, str]:
        return record["run"], record["direction"]

    assert sorted((record.model_dump() for record in records), key=key) == sorted(first["rho"], key=key)
    assert len(records) == 3 * 3 * 2
    for record in records:
        assert record.setting == SETTINGS[record.dataset]
        # Two steps at a hundred times the rate of 1e-3, up or down, and never out of [0, 1].
        assert abs(record.value - record.start) <= 0.21 and 0 <= record.value <= 1
        assert (record.step, len(record.layers)) == (2, 2)
        assert record.value == pytest.approx(sum(record.layers.values()) / 2)


def test_one_seed_is_said_to_be_too_few_and_the_contrasts_are_given(first: Any) -> None:
    adaptation = first["adaptation"]
    assert (adaptation["answer"], adaptation["worth"]) == ("not testable", "not testable")
    assert (adaptation["seeds"], adaptation["left_out"], adaptation["needed"]) == ([0], [], 7)
    assert adaptation["text"][0] == "Does rho adapt? Not testable: 1 whole seed, and 7 are needed."
    ends = {(r["shape"], r["texture"], r["direction"], r["start"]): r["value"] for r in first["rho"]}
    gap = next(m for m in adaptation["meetings"] if m["setting"] == [1, 0] and m["starts"] == [0, 1])
    assert gap["difference"]["mean"] == pytest.approx(ends[1, 0, "A2B", 1.0] - ends[1, 0, "A2B", 0.0])


def test_a_second_time_nothing_is_trained_scored_or_stored(home: Path, first: Any, capsys: Output) -> None:
    before = {path: path.read_bytes() for path in (home / "results").rglob("*.jsonl")}
    assert run(home, *TINY, "--json") == 0
    printed = capsys.readouterr()
    assert "13 done, 0 half done, 0 missing; nothing to train" in printed.err
    again = json.loads(printed.out)
    assert [run["id"] for run in again["runs"]] == [run["id"] for run in first["runs"]]
    for name in ("table", "rho", "adaptation"):
        assert again[name] == first[name]
    assert {path: path.read_bytes() for path in (home / "results").rglob("*.jsonl")} == before


def test_the_means_and_the_verdict_are_printed_after_the_table(home: Path, first: Any, capsys: Output) -> None:
    assert run(home, *TINY) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-len(first["adaptation"]["text"]) :] == first["adaptation"]["text"]
    header = next(place for place, line in enumerate(lines) if line.startswith("shape, texture  rho"))
    assert any(line.startswith(("w/ ρ = 0 ", "U-GAT-IT w/ ρ = 0 ")) for line in lines[:header])
    assert any(line.startswith("1, 0            fixed at 0") for line in lines[header:])


def test_the_verdict_of_stored_records_names_the_seeds_that_the_plan_lacks(
    home: Path, first: Any, capsys: Output
) -> None:
    assert main(["verdict", "--results", str(home / "results"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["adaptation"]["left_out"] == [1, 2, 3, 4, 5, 6]
    for name in ("seeds", "moves", "placebo", "pays", "meetings"):
        assert printed["adaptation"][name] == first["adaptation"][name]
    assert sorted(map(str, printed["rho"])) == sorted(map(str, first["rho"]))


def test_the_figure_is_drawn_from_the_records(home: Path, first: Any) -> None:
    picture = home / "dial.png"
    assert main(["figure", "--output", str(picture), "--results", str(home / "results")]) == 0
    assert picture.stat().st_size > 10_000


def test_the_verdict_has_its_scores_whatever_else_is_asked_for(home: Path, first: Any, capsys: Output) -> None:
    assert run(home, *TINY, "--metric", "cam_mass", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["adaptation"] == first["adaptation"]
    cells = {(row["dataset"], row["variant"]): row["cells"].keys() for row in printed["table"]["rows"]}
    assert "cam_mass" in cells["dial-s1-t0-32-train4-test3", "rho0"]
    assert "cam_mass" not in cells["dial-s0-t0-32-train4-test3", "rho-from-0"]


def planned(home: Path, capsys: Output, *words: str) -> list[dict[str, Any]]:
    assert run(home, "run", *words, "--dry-run", "--json") == 0
    return list(json.loads(capsys.readouterr().out)["runs"])


def test_the_planned_runs_are_those_of_the_published_records(tmp_path: Path, capsys: Output) -> None:
    runs = planned(tmp_path, capsys, "--precision", "bf16")  # that of the machine on which they were trained
    published = set(RECORDS.glob("*/ugatit-*/seed*"))
    assert len(published) == (3 + 5 + 5) * 7
    assert {Path(run["run"]).relative_to(tmp_path / "results") for run in runs} == {
        folder.relative_to(RECORDS) for folder in published
    }
    assert {run["steps"] for run in runs} == {1000}


def test_a_dial_of_another_size_is_trained_at_that_size_and_one_without_at_the_studys(
    home: Path, capsys: Output
) -> None:
    def ids(*words: str) -> set[str]:
        return {run["id"] for run in planned(home, capsys, *words, "--seeds", "1")}

    at_64 = ids("--dataset", "dial:size=64,train=2,test=2")
    assert at_64 == ids("--dataset", "dial:train=2,test=2", "--size", "64")
    assert ids("--dataset", "dial:train=2,test=2") == ids("--dataset", "dial:size=32,train=2,test=2")
    assert at_64.isdisjoint(ids("--dataset", "dial:size=64,train=2,test=2", "--size", "32"))


def test_the_rate_of_all_learnt_arms_can_be_another(home: Path, capsys: Output) -> None:
    words = ("--dataset", DIAL, "--seeds", "1")
    rate_100, rate_30 = (
        {run["id"]: run["variant"] for run in planned(home, capsys, *words, *more)}
        for more in ((), ("--set", "ugatit.rho_lr_factor=30"))
    )
    assert len(rate_30) == 13 and rate_30.keys().isdisjoint(rate_100)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--dataset", "dial:shape=1"], "the study sets shape and texture itself"),
        (["run", "--set", "ugatit.rho_start=0.5"], "--set ugatit.rho_start: the arms of the dial study differ in"),
        (["run", "--dataset", DIAL, "--variants", "lnn"], "did you mean 'ln'"),
    ],
)
def test_a_wrong_call_is_one_sentence(words: list[str], message: str, home: Path, capsys: Output) -> None:
    assert run(home, *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_records_that_are_not_there_are_one_sentence(tmp_path: Path, capsys: Output) -> None:
    assert main(["verdict", "--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: no rho.jsonl under {tmp_path}; `python -m benchmarks.dial_study run` makes them.\n"
    )


def test_only_run_takes_the_options_of_compare(capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main(["verdict", "--jobs", "2"])
    assert "unrecognized arguments: --jobs 2" in capsys.readouterr().err


def test_the_command_trains_in_processes_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.dial_study", *TINY, *folders(tmp_path), "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "13 runs: 0 done, 0 half done, 13 missing" in done.stderr
    assert done.stdout.count("ugatit-rho-from-05") == 3
