"""`ugbench eval` over the kept checkpoints of a run: all of them, or the one that a validation split selects."""

from __future__ import annotations

import fcntl
import json
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call_in
from PIL import Image
from typer.testing import Result

from ugbench.analysis import selection
from ugbench.analysis.selection import validation_split
from ugbench.cli import eval as cli_eval
from ugbench.data.tensors import load_images
from ugbench.errors import RunError
from ugbench.inference import test_set
from ugbench.inference.translate import load, translate
from ugbench.metrics import kid
from ugbench.runs import stored_outputs
from ugbench.runs.run import dataset_of, find_run
from ugbench.scoring import evaluate, per_image
from ugbench.scoring.networks.extractors import extract, load_extractor

DIAL = "dial:size=32,train=30,test=3"
SMALL = ["--preset", "smoke", "--size", "32", "--batch-size", "1", "--steps", "3", "--save-every", "1"]
TINY = ["--set", "channels=4,blocks=1,discriminator_channels=4,lr=0.01", "--sample-every", "1000"]
KID = ["--metric", "kid,changed", "--extractor", "random"]


@dataclass(frozen=True)
class Home:
    folder: Path
    run: str

    def call(self, *words: object, code: int = 0) -> Result:
        return call_in(self.folder, *words, code=code)

    def eval(self, *words: object) -> list[dict[str, Any]]:
        return list(json.loads(self.call("eval", self.run, *KID, *words, "--json").stdout))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A run of 3 steps that kept each."""
    folder = tmp_path_factory.mktemp("home")
    return Home(folder, train(folder)["id"])


def train(folder: Path, *more: str) -> dict[str, Any]:
    words = ["train", "cyclegan", "--dataset", DIAL, *SMALL, *TINY, "--keep", "all", *more]
    return dict(json.loads(call_in(folder, *words, "--json").stdout))


@pytest.fixture
def lowest_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """lowest_at(2): validation prefers that step."""

    def prefer(best: int) -> None:
        monkeypatch.setattr(selection, "validation_kid", lambda *given: abs(given[-1] - best) / 100)

    return prefer


def test_all_kept_checkpoints_are_scores_against_steps_and_the_last_is_what_is_scored_otherwise(home: Home) -> None:
    every = home.eval("--checkpoints", "all")
    a2b = [score for score in every if (score["metric"], score["direction"]) == ("kid", "A2B")]
    assert [score["step"] for score in a2b] == [1, 2, 3]
    assert len({score["value"] for score in a2b}) == 3
    assert {score["protocol"]["checkpoint"] for score in every} == {"last"}
    assert home.eval() == [score for score in every if score["step"] == 3]


def test_a_run_is_scored_on_test_at_the_selected_step_under_a_protocol_of_its_own(
    home: Home, lowest_at: Callable[[int], None]
) -> None:
    at_step = {
        (score["metric"], score["direction"]): score
        for score in home.eval("--checkpoints", "all")
        if score["step"] == 2
    }
    lowest_at(2)
    records = home.eval("--select", "validation")
    assert len(records) == 4
    for score in records:
        same = at_step[score["metric"], score["direction"]]
        assert (score["step"], score["value"]) == (2, same["value"])
        assert score["protocol_id"] != same["protocol_id"]
        words = score["protocol"]["checkpoint"]
        assert words.startswith("validation: lowest kid (random ")
        assert words.endswith(") on a tenth of the training images, which the run has seen")
    folder = find_run(home.run, home.folder / "results").path.parents[1]
    floor = [json.loads(line)["protocol_id"] for line in (folder / "identity/scores.jsonl").read_text().splitlines()]
    assert {score["protocol_id"] for score in records} <= set(floor), "the floor stands in the same column"


def test_a_table_shows_the_selected_step_beside_the_last(home: Home, lowest_at: Callable[[int], None]) -> None:
    lowest_at(2)
    scores = {score["protocol_id"]: score for score in [*home.eval(), *home.eval("--select", "validation")]}
    table = json.loads(home.call("table", "--metric", "kid", "--json").stdout)
    (row,) = [row for row in table["rows"] if (row["method"], row["direction"]) == ("cyclegan", "B2A")]
    shown = [scores[cell["protocol_id"]] for cell in row["cells"].values()]
    assert [(score["step"], score["protocol"]["checkpoint"][:5]) for score in shown] == [(3, "last"), (2, "valid")]
    assert [cell["value"] for cell in row["cells"].values()] == [score["value"] for score in shown]


def test_the_choice_is_said_with_the_kid_of_each_step_and_equal_ones_give_the_earliest(
    home: Home, lowest_at: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lowest_at(3)
    said = home.call("eval", home.run, *KID, "--select", "validation").stderr
    assert f"run {home.run} (cyclegan): step 3 is scored; validation KID x100 by step: 1: 2, 2: 1, 3: 0." in said
    monkeypatch.setattr(selection, "validation_kid", lambda *_given: 0.25)
    assert {score["step"] for score in home.eval("--select", "validation")} == {1}


def test_validation_is_kid_of_translated_training_images_and_leaves_the_run_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[tuple[str, int], float] = {}
    before = {path: path.stat().st_mtime_ns for path in find_run(home.run, home.folder / "results").path.rglob("*")}
    validation_kid = selection.validation_kid

    def kept(*given: Any) -> float:
        found[given[-2:]] = validation_kid(*given)
        after = {path: path.stat().st_mtime_ns for path in given[1].path.rglob("*")}
        assert after == before
        return found[given[-2:]]

    monkeypatch.setattr(selection, "validation_kid", kept)
    (step,) = {score["step"] for score in home.eval("--select", "validation")}
    assert list(found) == [(way, at) for at in (1, 2, 3) for way in ("A2B", "B2A")]
    assert step == min((1, 2, 3), key=lambda at: found["A2B", at] + found["B2A", at])
    run = find_run(home.run, home.folder / "results")
    data = Path(str(run.config.dataset.root)) if run.config.dataset else Path()
    sources, references = (validation_split(sorted((data / split).iterdir())) for split in ("trainA", "trainB"))
    assert len(sources) == len(references) == 3
    method, _ = load(run, torch.device("cpu"), 2)
    (made,) = translate(method, load_images(sources, 32), "A2B", precision=run.config.precision)
    network = load_extractor("random", {})
    fake, real = (extract(network, images) for images in (made[:, 0], load_images(references, 32)))
    assert found["A2B", 2] == pytest.approx(kid.compute(fake, real).value, rel=1e-4)


def test_after_a_selection_outputs_are_of_that_step_and_no_difference_of_the_last_is_made_from_them(
    home: Home, lowest_at: Callable[[int], None]
) -> None:
    from ugbench.analysis.paired_runs import _complete_outputs
    from ugbench.runs.stored_outputs import outputs_step

    run = find_run(home.run, home.folder / "results")
    (run.path / "scores.jsonl").unlink()
    home.eval()
    assert outputs_step(run, "A2B") == 3 and _complete_outputs(run, "A2B") is not None
    lowest_at(1)
    (run.path / "scores.jsonl").unlink()
    home.eval("--select", "validation")
    assert outputs_step(run, "A2B") == 1 and _complete_outputs(run, "A2B") is None


def test_what_each_output_contributed_is_kept_by_step_and_outlives_the_outputs(home: Home) -> None:
    run = find_run(home.run, home.folder / "results")
    for words in (["--checkpoints", "all"], []):
        shutil.rmtree(run.path / "outputs", ignore_errors=True)
        shutil.rmtree(run.path / "single", ignore_errors=True)
        (run.path / "scores.jsonl").unlink(missing_ok=True)
        (last,) = [
            score
            for score in home.eval(*words)
            if (score["metric"], score["direction"], score["step"]) == ("kid", "A2B", 3)
        ]
        (kept,) = per_image.read(run, "A2B", 3)
        assert (kept.metric, kept.protocol_id) == ("kid", last["protocol_id"])
        assert set(kept.values) == set(stored_outputs.files_by_stem(run, "A2B"))
        assert sum(kept.values.values()) / 3 == pytest.approx(last["value"], rel=1e-6)
    home.eval("--kid-subset-size", "2")
    home.eval("--checkpoints", "all")  # makes the outputs of each step in turn
    home.eval()
    assert per_image.read(run, "A2B", 3) == [kept] and per_image.read(run, "A2B", 1) != [kept]
    file = run.path / "single/A2B/3.json"
    file.write_text("{}")
    with pytest.raises(RunError, match=r"3\.json holds no scores of single outputs; remove it"):
        per_image.read(run, "A2B", 3)
    file.unlink()


def test_calls_without_a_choice_are_refused(home: Home, tmp_path: Path) -> None:
    result = home.call("eval", home.run, *KID, "--select", "validation", "--checkpoints", "all", code=2)
    assert "exclude each other" in result.stderr
    (tmp_path / "A2B").mkdir()
    run = find_run(home.run, home.folder / "results")
    data = Path(str(run.config.dataset.root)) if run.config.dataset else Path()
    for file in (data / "testA").iterdir():
        Image.open(file).save(tmp_path / "A2B" / f"{file.stem}.png")
    folders = ["--real", data / "testB", "--fake", tmp_path / "A2B"]
    result = home.call("eval", *folders, "--extractor", "random", "--select", "validation", code=2)
    assert result.stderr.startswith("error: --select validation chooses a checkpoint of a run")
    call_in(tmp_path, "import", tmp_path, "--as", "external", "--name", "other", "--dataset", data)
    result = call_in(tmp_path, "eval", *KID, "--select", "validation", code=2)
    assert "(other) was imported and has no stored checkpoints; leave the option out" in result.stderr


def test_two_calls_at_once_translate_the_test_images_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = find_run(home.run, home.folder / "results")
    dataset = dataset_of(run)
    shutil.rmtree(run.path / "outputs", ignore_errors=True)
    own, calls = test_set.write_outputs, []
    both = threading.Barrier(2)

    def write(*given: Any, **options: Any) -> Any:
        calls.append(given)
        time.sleep(0.2)  # time for the other to come by, if nothing held it
        return own(*given, **options)

    def make() -> None:
        both.wait()
        test_set.make_outputs(run, dataset, "A2B", torch.device("cpu"))

    monkeypatch.setattr(test_set, "write_outputs", write)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(make), pool.submit(make)]:
            done.result()
    assert len(calls) == 1
    assert len(stored_outputs.files_by_stem(run, "A2B")) == 3


def is_held(lock: Path) -> bool:
    """Whether another open file has it."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_while_a_run_is_scored_no_other_call_can_replace_its_outputs(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = find_run(home.run, home.folder / "results")
    home.eval()  # identity and real are scored too, which needs no outputs
    (run.path / "scores.jsonl").unlink()
    compute_score, scored_without_lock = evaluate.Evaluation._score, []

    def score(*given: Any) -> Any:
        if not is_held(run.path / ".outputs.lock"):
            scored_without_lock.append(given[1])
        return compute_score(*given)

    monkeypatch.setattr(evaluate.Evaluation, "_score", score)
    assert len(home.eval()) == 4
    assert scored_without_lock == []


def test_a_call_that_waited_for_another_takes_the_scores_that_it_left(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = find_run(home.run, home.folder / "results")
    left = home.eval()
    kept = (run.path / "scores.jsonl").read_text()
    (run.path / "scores.jsonl").unlink()
    held, waits = threading.Event(), threading.Event()

    def other() -> None:
        with (run.path / ".outputs.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            held.set()
            assert waits.wait(20)
            (run.path / "scores.jsonl").write_text(kept)

    said = []

    def say(text: str) -> None:
        said.append(text)
        if text.startswith("waiting"):
            waits.set()

    monkeypatch.setattr(cli_eval, "log", say)
    monkeypatch.setattr(evaluate.Evaluation, "_score", None)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(other)
        assert held.wait(20)
        result = home.call("eval", home.run, *KID, "--json")
        done.result()
    assert json.loads(result.stdout) == left
    assert [text for text in said if " images." not in text] == [
        f"waiting for another command that makes or scores outputs of run {run.id}."
    ]


def test_a_run_that_begins_again_has_no_scores_of_what_it_was(home: Home) -> None:
    before = home.eval("--checkpoints", "all")
    assert train(home.folder, "--restart")["id"] == home.run
    run = find_run(home.run, home.folder / "results")
    assert run.step() == 3 and not (run.path / "scores.jsonl").exists()
    assert home.eval("--checkpoints", "all") == before
