"""`--track` and `--eval-every`: a training is shown and scored while it runs, and is the same training."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_in
from third_party import third_party_site, visible
from typer.testing import Result

from ugbench.runs import checkpoint
from ugbench.runs.run import Run, find_run, list_runs
from ugbench.scoring import evaluate
from ugbench.scoring.evaluate import Evaluation
from ugbench.tracker import Tracker

__all__ = ["third_party_site"]
DIAL = "dial:size=32,train=6,test=4"
SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4"]
TRAIN = ["train", "cyclegan", "--dataset", DIAL, *SMALL, *TINY, "--steps", "5", "--log-every", "1", "--json"]
SCORED = ["--eval-every", "2", "--extractor", "random"]
KID = ["--metric", "kid", "--extractor", "random"]


@pytest.fixture(scope="module", autouse=True)
def other_packages(third_party_site: Path) -> Iterator[None]:
    """The packages of tests/third_party are installed, for processes that are started too."""
    with visible(third_party_site), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(third_party_site))
        yield


@dataclass(frozen=True)
class Home:
    """A folder with results, and its only run."""

    folder: Path

    def call(self, *words: object, code: int = 0) -> Result:
        return call_in(self.folder, *words, code=code)

    @property
    def run(self) -> Run:
        (run,) = list_runs(self.folder / "results")
        return run

    def scores(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run.scores_file.read_text().splitlines()]

    def steps(self) -> list[int]:
        """The steps with a score A2B, in the order in which they were computed."""
        return [score["step"] for score in self.scores() if score["direction"] == "A2B"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A run that is neither shown nor scored while it trains, and keeps each step."""
    home = Home(tmp_path_factory.mktemp("plain"))
    home.call(*TRAIN, "--keep", "all", "--save-every", "1")
    return home


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A run that is shown by `text_log` of tests/third_party and scored every 2 steps."""
    home = Home(tmp_path_factory.mktemp("watched"))
    home.call(*TRAIN, *SCORED, "--track", "text_log")
    return home


def state(run: Run) -> str:
    saved = checkpoint.load(run.checkpoint(run.steps))
    return checkpoint.digest({f"{part}/{name}": t for part in saved.parts for name, t in saved.parts[part].items()})


def test_the_training_is_the_same_with_and_without(plain: Home, watched: Home) -> None:
    assert watched.run.id == plain.run.id
    assert watched.run.metrics_file.read_bytes() == plain.run.metrics_file.read_bytes()
    assert state(watched.run) == state(plain.run)
    assert watched.run.checkpoint_steps() == [4, 5], "--keep is 2 by default"


def test_the_scores_are_those_of_eval_and_are_not_computed_again(plain: Home, watched: Home) -> None:
    assert watched.steps() == [2, 4, 5]
    every = json.loads(plain.call("eval", *KID, "--checkpoints", "all", "--json").stdout)
    expected = {(score["step"], score["direction"]): score for score in every}
    for score in watched.scores():
        later = expected[score["step"], score["direction"]]
        assert score["value"] == pytest.approx(later["value"], rel=1e-6)
        assert (score["protocol_id"], score["outputs"]) == (later["protocol_id"], later["outputs"])
    before = watched.run.scores_file.read_bytes()
    last = json.loads(watched.call("eval", *KID, "--json").stdout)
    assert {score["step"] for score in last} == {5}
    assert watched.run.scores_file.read_bytes() == before


def test_a_table_shows_the_last_checkpoint_and_a_figure_the_curve(watched: Home) -> None:
    rows = json.loads(watched.call("table", "--json").stdout)["rows"]
    (cell,) = next(row for row in rows if (row["method"], row["direction"]) == ("cyclegan", "A2B"))["cells"].values()
    last = watched.scores()[-2]
    assert (last["step"], last["direction"], last["value"]) == (5, "A2B", cell["value"])
    watched.call("figure", "scores", "--output", watched.folder / "scores.png")
    assert (watched.folder / "scores.png").stat().st_size > 0


def test_a_tracker_of_another_package_is_told_everything(watched: Home) -> None:
    (file,) = (watched.folder / "results").glob("*.txt")
    lines = file.read_text().splitlines()
    assert lines[0] == f"start {file.stem} cyclegan" and file.stem.startswith(watched.run.id)
    assert lines[-1] == "end done"
    first = json.loads(watched.run.metrics_file.read_text().splitlines()[0])
    assert f"1 generators/cycle_a {first['generators/cycle_a']}" in lines
    assert "5 samples 128 128 3" in lines
    shown = [line for line in lines if " score/kid/" in line]
    assert shown == [f"{each['step']} score/kid/{each['direction']} {each['value']}" for each in watched.scores()]


def test_a_finished_run_that_was_not_scored_gets_the_score_of_its_last_step_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.call(*TRAIN)
    for _ in range(2):
        result = home.call(*TRAIN, *SCORED)
        assert "done before, at step 5." in result.stderr
        assert home.steps() == [5]


def test_a_signal_while_scoring_exits_75_and_the_same_command_ends_with_every_score(
    watched: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_outputs, asked = evaluate.make_outputs, list[int]()

    def interrupted(run: Run, dataset: object, direction: str, device: object, step: int, *rest: Any) -> None:
        if step == 4 and not asked:
            asked.append(step)
            os.kill(os.getpid(), signal.SIGTERM)
        make_outputs(run, dataset, direction, device, step, *rest)

    monkeypatch.setattr(evaluate, "make_outputs", interrupted)
    home = Home(tmp_path)
    stopped = home.call(*TRAIN, *SCORED, code=75)
    assert json.loads(stopped.stdout)["status"] == "stopped"
    assert "stopped while step 4 was scored, which is saved; run the same command again to go on." in stopped.stderr
    assert home.run.step() == 4 and home.steps() == [2]
    done = home.call(*TRAIN, *SCORED)
    assert json.loads(done.stdout)["resumed_from"] == 4
    assert home.scores() == watched.scores()
    assert state(home.run) == state(watched.run)


def test_a_score_that_fails_is_said_and_the_training_ends_well(
    plain: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = Evaluation._score

    def fail_at_first(self: Evaluation, metric: str, images: Any, subject: Any, *rest: Any) -> Any:
        if subject.step == 2:
            raise RuntimeError("CUDA out of memory")
        return score(self, metric, images, subject, *rest)

    monkeypatch.setattr(Evaluation, "_score", fail_at_first)
    home = Home(tmp_path)
    result = home.call(*TRAIN, *SCORED)
    assert "step 2 could not be scored (RuntimeError: CUDA out of memory); training goes on." in result.stderr
    assert home.steps() == [4, 5]
    assert state(home.run) == state(plain.run)


def test_what_cannot_be_scored_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    few = ["train", "cyclegan", "--dataset", "dial:size=32,train=6,test=1", *SMALL]
    for words, said in (
        ([*TRAIN, "--eval-every", "2"], "inception"),
        ([*few, *SCORED], "kid"),
        ([*TRAIN, "--eval-every", "2", "--extractor", "inceptoin"], "did you mean 'inception'?"),
        ([*TRAIN, "--extractor", "random"], "--extractor random goes with --eval-every N; give that option too."),
        ([*TRAIN, *SCORED, "--weights", f"inceptoin={__file__}"], "inceptoin"),
        ([*TRAIN, "--eval-every", "0"], "--eval-every"),
        ([*TRAIN, "--track", "mlflwo"], "no tracker is called 'mlflwo'; did you mean 'mlflow'? Known: mlflow, text_lo"),
    ):
        assert said in call_in(tmp_path, *words, code=2).stderr
    assert not (tmp_path / "results").exists()


def test_a_tracker_without_its_package_names_the_extra_before_a_run_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    words = ["--methods", "cyclegan", "--dataset", DIAL, *SMALL, *KID, "--track", "text_log,mlflow"]
    for command in (TRAIN, ["compare"], ["ablate"]):
        more = words if command == ["compare"] else words[2:] if command == ["ablate"] else words[-2:]
        said = call_in(tmp_path, *command, *more, code=2).stderr
        assert said == "error: --track mlflow needs mlflow; install with `pip install 'ugbench[mlflow]'`.\n"
    assert not (tmp_path / "results").exists()


def test_a_tracker_whose_module_is_broken_is_named(
    tmp_path: Path, third_party_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import text_log

    monkeypatch.delattr(text_log, "TRACKER")
    said = call_in(tmp_path, *TRAIN, "--track", "text_log", code=1).stderr
    assert "the tracker text_log cannot be loaded (text_log has no TRACKER that is a ugbench.tracker.Tracker)" in said


def test_a_tracker_whose_check_fails_is_named_before_a_run_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import text_log

    def check() -> None:
        raise ValueError("API key must have 40+ characters.\nhas 3")

    monkeypatch.setattr(text_log, "TRACKER", Tracker(text_log.start, check))
    said = call_in(tmp_path, *TRAIN, "--track", "text_log", code=2).stderr
    assert said == (
        "error: --track text_log cannot be used (ValueError: API key must have 40+ characters); correct its settings, "
        "or leave the option out.\n"
    )
    assert not (tmp_path / "results").exists()


def test_help_lists_the_trackers() -> None:
    for command in ("train", "compare", "ablate"):
        words = " ".join(call(command, "--help").stdout.replace("│", " ").split())
        assert "Show the training here too: mlflow, text_log, wandb; repeatable." in words


def test_each_run_of_a_study_is_shown_and_scored_and_its_scores_at_the_end_are_shown_too(tmp_path: Path) -> None:
    words = ["compare", "--methods", "cyclegan", "--dataset", DIAL, *SMALL, "--steps", "3", "--seeds", "2"]
    words += ["--metric", "changed", *SCORED, "--track", "text_log", "--jobs", "2", "--json"]
    printed = json.loads(call_in(tmp_path, *words).stdout)
    results = tmp_path / "results"
    assert len(printed["runs"]) == 2
    for fields in printed["runs"]:
        run = find_run(fields["id"], results)
        scores = [json.loads(line) for line in run.scores_file.read_text().splitlines()]
        kids = [(score["step"], score["direction"]) for score in scores if score["metric"] == "kid"]
        assert kids == [(step, direction) for step in (2, 3) for direction in ("A2B", "B2A")]
        (file,) = results.glob(f"{run.id}-*.txt")
        lines = file.read_text().splitlines()
        assert [line for line in lines if line.startswith(("start", "end"))] == [
            *(f"start {file.stem} cyclegan", "end done") * 2
        ]
        changed = {f"3 score/changed/{each['direction']} {each['value']}" for each in scores if each["metric"] != "kid"}
        assert changed <= set(lines) and len(changed) == 2
    before = {file: file.read_bytes() for file in results.glob("*.txt")}
    call_in(tmp_path, *words)
    assert {file: file.read_bytes() for file in results.glob("*.txt")} == before, "nothing was trained"


def test_a_study_asks_for_the_weights_of_the_curve_before_it_trains(tmp_path: Path) -> None:
    words = ["compare", "--methods", "cyclegan", "--dataset", DIAL, *SMALL, "--steps", "3", "--metric", "changed"]
    said = call_in(tmp_path, *words, "--eval-every", "2", code=2).stderr
    assert "inception" in said
    assert not list((tmp_path / "results").glob("*/*/*"))
