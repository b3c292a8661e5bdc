"""`compare` and `ablate` from declaration to table: once, again, interrupted, and with a run that fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import call_in
from filelock import FileLock

DIAL = "dial:size=32,train=6,test=4"
SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1"]
SCORED = ["--metric", "kid,changed", "--extractor", "random"]


def where(folder: Path) -> list[str]:
    return ["--results", str(folder / "results"), "--data-root", str(folder / "datasets"), "--device", "cpu"]


ON_DIAL = ["--dataset", DIAL, *SMALL, *SCORED]
COMPARE = ["compare", "--methods", "ugatit,cyclegan", *ON_DIAL, "--seeds", "1", "--steps", "2"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def first(home: Path) -> Any:
    """The plan, then the study itself, two runs at a time."""
    plan = json.loads(call_in(home, *COMPARE, "--dry-run", "--json").stdout)
    assert not (home / "results").exists()
    return plan, json.loads(call_in(home, *COMPARE, "--jobs", "2", "--json").stdout)


def test_a_plan_says_what_is_missing_and_trains_nothing(first: Any) -> None:
    plan, _ = first
    assert [(run["method"], run["seed"], run["status"]) for run in plan["runs"]] == [
        ("ugatit", 0, "missing"),
        ("cyclegan", 0, "missing"),
    ]
    assert plan["seconds_left"] is None  # no step was ever timed


def test_a_plan_declares_the_test_of_the_methods_and_the_seeds_that_it_needs(first: Any, home: Path) -> None:
    """Two methods have one comparison in each direction; 2 / C(2n, n) is at most 0.05 / 2 from n = 5 on."""
    plan, _ = first
    assert plan["test"].startswith("claims about methods: exact test over relabellings of the seeds")
    assert (
        "2 comparisons with one method per data set need 5 seeds per method, so 1 is too few to show any."
        in plan["test"]
    )
    enough = json.loads(call_in(home, *COMPARE, "--seeds", "5", "--dry-run", "--json").stdout)["test"]
    assert enough.endswith("need 5 seeds per method.")
    alone = ["compare", "--methods", "cyclegan", *ON_DIAL, "--steps", "2", "--dry-run", "--json"]
    assert json.loads(call_in(home, *alone).stdout)["test"] is None


def test_the_study_trains_scores_and_tables_both_directions(first: Any) -> None:
    plan, done = first
    assert {run["id"] for run in done["runs"]} == {run["id"] for run in plan["runs"]}
    assert all((run["status"], run["step"], run["steps"]) == ("done", 2, 2) for run in done["runs"])
    rows = {(row["direction"], row["method"]): row["cells"] for row in done["table"]["rows"]}
    assert {method for _, method in rows} == {"identity", "cyclegan", "ugatit", "real"}
    for direction in ("A2B", "B2A"):
        assert rows[direction, "ugatit"]["changed"]["n_seeds"] == 1
        assert rows[direction, "identity"]["changed"]["value"] == pytest.approx(1)


def test_a_second_time_there_is_nothing_to_train(home: Path, first: Any) -> None:
    _, done = first
    before = {path: path.stat().st_mtime_ns for path in (home / "results").rglob("metrics.jsonl")}
    result = call_in(home, *COMPARE, "--json")
    assert "2 done, 0 half done, 0 missing; nothing to train" in result.stderr
    assert json.loads(result.stdout)["table"] == done["table"]
    assert {path: path.stat().st_mtime_ns for path in (home / "results").rglob("metrics.jsonl")} == before


def test_measured_steps_price_what_is_still_to_come(home: Path, first: Any) -> None:
    plan = json.loads(call_in(home, *COMPARE[:-1], "1000", "--dry-run", "--json").stdout)
    assert {run["status"] for run in plan["runs"]} == {"missing"}
    assert plan["seconds_left"] == pytest.approx(sum(run["seconds_per_step"] * 1000 for run in plan["runs"]))


def test_one_run_that_fails_is_shown_and_does_not_stop_the_rest(home: Path, first: Any) -> None:
    """A rate that makes the first step's losses infinite is a failure of training, not of the call."""
    words = [*COMPARE[:-1], "3", "--set", "cyclegan.lr=1e30"]
    result = call_in(home, *words, code=1)
    assert "cyclegan on" in result.stderr and "FAILED" in result.stderr
    assert "NaN or Inf" in result.stderr  # the end of its log
    assert "1 of 2 runs failed" in result.stderr
    assert "U-GAT-IT" in result.stdout


def test_a_run_that_another_process_trains_is_waited_for_and_not_trained_twice(home: Path) -> None:
    words = ["compare", "--methods", "cyclegan", *ON_DIAL, "--seeds", "7,", "--steps", "2"]
    (planned,) = json.loads(call_in(home, *words, "--dry-run", "--json").stdout)["runs"]
    run = Path(planned["run"])
    run.mkdir(parents=True)
    with FileLock(run / ".lock"):
        command = [sys.executable, "-m", "ugbench", *words, *where(home), "--cache", str(home / "cache")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and not (home / "started").exists():
            time.sleep(0.5)
            if time.monotonic() > deadline - 52:  # eight seconds are enough for it to have begun, were it to begin
                break
        assert process.poll() is None
        assert not (run / "checkpoints").exists()
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr.decode()
    assert (run / "checkpoints/2").is_dir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_study_that_is_asked_to_stop_while_a_run_still_starts_exits_75(home: Path, number: int) -> None:
    words = ["compare", "--methods", "cyclegan", *ON_DIAL, "--seeds", f"{number},", "--steps", "150"]
    command = [sys.executable, "-m", "ugbench", *words, *where(home), "--cache", str(home / "cache")]
    (planned,) = json.loads(call_in(home, *words, "--dry-run", "--json").stdout)["runs"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while process.poll() is None and not (Path(planned["run"]) / "train.log").exists():
        time.sleep(0.01)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 75, stderr.decode()
    assert "FAILED" not in stderr.decode()


def test_an_interrupted_study_saves_exits_75_and_goes_on(home: Path) -> None:
    words = ["compare", "--methods", "cyclegan", *ON_DIAL, "--seeds", "1", "--steps", "150"]
    command = [sys.executable, "-m", "ugbench", *words, *where(home), "--cache", str(home / "cache")]
    (planned,) = json.loads(call_in(home, *words, "--dry-run", "--json").stdout)["runs"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    log = Path(planned["run"]) / "metrics.jsonl"
    while process.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 75, stderr.decode()
    assert "run the same command again to go on" in stderr.decode()
    (half,) = json.loads(call_in(home, *words, "--dry-run", "--json").stdout)["runs"]
    assert half["status"] == "half" and 0 < half["step"] < 150
    result = call_in(home, *words)
    assert f"step {half['step']} of 150" in result.stderr
    (done,) = json.loads(call_in(home, *words, "--dry-run", "--json").stdout)["runs"]
    assert done["status"] == "done"


def test_minutes_become_steps_once_and_stay_so(home: Path) -> None:
    words = [
        "compare",
        "--methods",
        "cyclegan",
        "--dataset",
        DIAL,
        *SMALL,
        "--seeds",
        "1",
        "--minutes",
        "0.01",
        "--dry-run",
        *SCORED,
    ]
    (planned,) = json.loads(call_in(home, *words, "--json").stdout)["runs"]
    (again,) = json.loads(call_in(home, *words, "--json").stdout)["runs"]
    assert planned["steps"] == again["steps"] >= 1
    assert planned["id"] == again["id"]


def test_ablate_holds_the_papers_variants_against_full(home: Path) -> None:
    plan = json.loads(call_in(home, "ablate", *ON_DIAL, "--seeds", "1", "--steps", "2", "--dry-run", "--json").stdout)
    assert [run["variant"] for run in plan["runs"]] == [None, "in", "ln", "adain", "gn", "no-cam", "no-gcam", "no-dcam"]
    words = ["ablate", *ON_DIAL, "--seeds", "1", "--steps", "2", "--variants", "in"]
    differences = json.loads(call_in(home, *words, "--json").stdout)["differences"]
    assert {(difference["label"], difference["to"], difference["direction"]) for difference in differences} == {
        ("ugatit-in", "ugatit", "A2B"),
        ("ugatit-in", "ugatit", "B2A"),
    }
    for difference in differences:
        assert difference["method"]["seeds"] == [1, 1]
        assert difference["text"]["method"].startswith("not testable with 1 seed")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "--dataset", DIAL], "--methods is missing"),
        (["compare", "--methods", "ugatit"], "--dataset is missing"),
        (["compare", "--methods", "ugatit", "--dataset", DIAL, "--set", "lr=1"], "--set METHOD.lr=1"),
        (["compare", "--methods", "ugatit", "--dataset", DIAL, "--steps", "3", "--minutes", "1"], "exclude each other"),
        (["compare", "--study", "none.toml"], "cannot be read"),
        (["ablate", "cyclegan", "--dataset", DIAL], "cyclegan has no variants"),
        (["ablate", "--dataset", DIAL, "--variants", "no-cm"], "did you mean 'no-cam'"),
        (["ablate", "--dataset", "nowhere"], "nowhere"),
    ],
)
def test_a_wrong_call_is_one_sentence(words: list[str], message: str, home: Path) -> None:
    refused = call_in(home, *words, code=2)
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


UNSCORED = ["compare", "--methods", "cyclegan", *SMALL, "--seeds", "5,", "--steps", "2"]


def damaged_copy(home: Path, name: str, *, lacks: str = "", damages: str = "", fewer_than: int = 9) -> Path:
    """A copy of the dial: without a split, with a damaged image in one, or with fewer test images."""
    call_in(home, "data", "make", DIAL)
    copy = home / "copies" / name
    if not copy.exists():
        (source,) = (home / "datasets").glob("dial*32*")
        shutil.copytree(source, copy)
        (copy / "dial.json").unlink()
        if lacks:
            shutil.rmtree(copy / lacks)
        if damages:
            sorted((copy / damages).iterdir())[0].write_bytes(b"no image")
        for split in ("testA", "testB"):
            for image in sorted(copy.glob(f"{split}/*"))[fewer_than:]:
                image.unlink()
    return copy


LACKING = [
    (["--metric", "kid"], {}, "inception"),
    (["--metric", "lpips", "--extractor", "random"], {}, "alexnet"),
    (["--metric", "iou", "--extractor", "random"], {}, "the true translation of"),
    (["--metric", "kid", "--extractor", "random"], {"lacks": "testB"}, "testB"),
    (["--metric", "kid", "--extractor", "random"], {"damages": "testA"}, "testA"),
    (["--metric", "kid", "--extractor", "random"], {"fewer_than": 1}, "give at least 2 per set"),
]
NAMES = ["extractor", "lpips", "metric", "no-test-split", "damaged-test-image", "too-few-images"]


@pytest.mark.parametrize(("words", "copy", "message"), LACKING, ids=NAMES)
def test_what_scores_lack_is_said_before_anything_is_trained(
    words: list[str], copy: dict[str, Any], message: str, home: Path, request: pytest.FixtureRequest
) -> None:
    data = damaged_copy(home, request.node.callspec.id, **copy)
    before = sorted((home / "results").rglob("*"))
    refused = call_in(home, *UNSCORED, "--dataset", data, *words, code=2)
    assert message in refused.stderr.splitlines()[-1] and refused.stderr.count("error:") == 1
    assert refused.stdout == "" and sorted((home / "results").rglob("*")) == before


@pytest.mark.parametrize(("words", "copy", "message"), LACKING, ids=NAMES)
def test_a_dry_run_prints_the_plan_and_what_scores_lack(
    words: list[str], copy: dict[str, Any], message: str, home: Path, request: pytest.FixtureRequest
) -> None:
    """Weights that are missing are no fault of the call, since the study itself asks for them; the rest is."""
    name = request.node.callspec.id
    data, is_fault = damaged_copy(home, name, **copy), name not in ("extractor", "lpips")
    shown = call_in(home, *UNSCORED, "--dataset", data, *words, "--dry-run", code=2 if is_fault else 0)
    assert "missing" in shown.stdout and message in shown.stderr.splitlines()[-1]
    assert ("error:" in shown.stderr) is is_fault


def test_weights_that_are_wrong_are_a_fault_of_the_call_in_a_dry_run_too(home: Path) -> None:
    (home / "wrong.pth").write_text("no weights")
    words = ["--metric", "kid,lpips", "--weights", f"inception={home / 'wrong.pth'}", "--dry-run"]
    refused = call_in(home, *UNSCORED, "--dataset", DIAL, *words, code=2)
    assert "error: --weights inception=" in refused.stderr


def test_a_dry_run_for_scripts_names_what_is_missing(home: Path) -> None:
    shown = call_in(home, *UNSCORED, "--dataset", DIAL, "--metric", "kid", "--dry-run", "--json")
    plan = json.loads(shown.stdout)
    assert "inception" in plan["problem"] and len(plan["runs"]) == 1


def test_precision_auto_is_what_the_first_machine_took(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["compare", "--methods", "cyclegan", *ON_DIAL, "--seeds", "9,", "--steps", "2"]
    monkeypatch.setattr("ugbench.device.has_bf16", lambda _device: False)
    (planned,) = json.loads(call_in(home, *words, "--dry-run", "--json").stdout)["runs"]
    (first,) = json.loads(call_in(home, *words, "--json").stdout)["runs"]
    monkeypatch.setattr("ugbench.device.has_bf16", lambda _device: True)
    result = call_in(home, *words, "--json")
    (second,) = json.loads(result.stdout)["runs"]
    assert planned["id"] == first["id"] == second["id"] and second["status"] == "done"
    assert "--precision auto is fp32, as on the machine where this study began" in result.stderr
    (other,) = json.loads(call_in(home, *words, "--precision", "bf16", "--dry-run", "--json").stdout)["runs"]
    assert other["id"] != first["id"]
