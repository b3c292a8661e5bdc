"""Several processes that share the images of a command print and write what one does, and end together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from drawn_images import draw_noise
from processes import Server
from small_training import Training
from started_ranks import (
    SOON,
    child_with_rank,
    codes_of,
    end,
    errors_of,
    free_port,
    place_of,
    plain_environment,
    start,
    start_torchrun,
)

METHOD = "ugatit"  # it has attention maps
IMAGES = 70  # of a test set: 3 batches for features, 9 for translation
IMPORTED = 60.0  # seconds in which a new process has imported torch
FEATURES = ("--extractor", "random", "--device", "cpu")


@pytest.fixture(scope="module")
def made(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in results/, which has no outputs and no scores, and its data set cats/."""
    home = tmp_path_factory.mktemp("shared")
    for seed, (split, count) in enumerate((("trainA", 3), ("trainB", 3), ("testA", IMAGES), ("testB", IMAGES))):
        draw_noise(home / "cats" / split, seed, count)
    ended = server.run([*Training(METHOD, home, 2).words(), "--dataset", home / "cats"])
    assert ended.code == 0, ended.err
    return home


def run_id(made: Path) -> str:
    (config,) = (made / "results").glob("*/*/*/config.json")
    text: str = json.loads(config.read_text())["id"]
    return text


def content(folder: Path) -> dict[str, bytes]:
    """The files in a folder and in those below it, without locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def eval_words(home: Path, results: str) -> list[object]:
    """Score the run in a copy of the results, with no features in the cache."""
    shutil.copytree(home / "results", home / results)
    words = ["eval", "--metric", "kid,fid", "--results", home / results, "--cache", home / f"{results}-cache"]
    return [*words, *FEATURES, "--json"]


def test_two_ranks_store_the_outputs_and_print_the_scores_of_one(server: Server, made: Path) -> None:
    alone = server.run(eval_words(made, "alone"))
    first, second = end(start(server, eval_words(made, "together")))
    assert (alone.code, first.code, second.code) == (0, 0, 0), alone.err + first.err + second.err
    assert (second.out, second.err) == ("", "")
    assert json.loads(first.out) == json.loads(alone.out)
    stored = content(made / "together")
    assert stored == content(made / "alone")
    assert sum("outputs/A2B/" in name and name.endswith(".png") for name in stored) >= IMAGES
    assert content(made / "together-cache") == content(made / "alone-cache")


def test_two_ranks_write_the_translations_and_overlays_of_one(server: Server, made: Path, tmp_path: Path) -> None:
    words = ["translate", run_id(made), "--input", made / "cats" / "testA", "--results", made / "results"]
    words += ["--attention", "--batch-size", 4, "--device", "cpu", "--precision", "fp32", "--output"]
    alone = server.run([*words, tmp_path / "alone"])
    first, second = end(start(server, [*words, tmp_path / "together"]))
    assert (alone.code, first.code, second.code) == (0, 0, 0), alone.err + first.err + second.err
    assert f"{IMAGES} images by {METHOD}" in first.err and second.err == ""
    assert content(tmp_path / "together") == content(tmp_path / "alone")


def test_three_ranks_store_the_features_of_one(server: Server, made: Path, tmp_path: Path) -> None:
    def words(name: str) -> list[object]:
        file = tmp_path / f"{name}.safetensors"
        return ["features", made / "cats" / "testB", "--output", file, "--cache", tmp_path / name, *FEATURES]

    assert server.run(words("alone")).code == 0
    ended = end(start(server, words("together"), 3))
    assert codes_of(ended) == [0, 0, 0], ended[0].err
    assert (tmp_path / "together.safetensors").read_bytes() == (tmp_path / "alone.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["eval", "nowhere"], 2, "no run under"),
        (["eval", "--device", "cpu,cpu"], 2, "--device cpu,cpu: 2 processes work together, and each takes one device"),
        (["translate", "nowhere", "--input", "in", "--output", "out"], 2, "no run under"),
        (["features", "broken", "--output", "f.safetensors", *FEATURES], 2, "75.png: not a readable image"),
        (["features", "broken", "--output", "f.safetensors", "--device", "gpu"], 2, "--device gpu: not a device"),
    ],
    ids=["run", "devices", "translate", "image", "device"],
)
def test_what_a_user_can_cause_is_said_once_and_all_ranks_exit_alike(
    server: Server, tmp_path: Path, words: list[object], code: int, sentence: str
) -> None:
    draw_noise(tmp_path / "broken", 0, 80)
    (tmp_path / "broken" / "75.png").write_text("no image")  # of the third batch
    place = {"UGBENCH_RESULTS": str(tmp_path / "results"), "UGBENCH_CACHE": str(tmp_path / "cache")}
    port = free_port()
    ranks = [server.start(words, cwd=tmp_path, env={**place_of(rank, 2, port), **place}) for rank in range(2)]
    ended = end(ranks)
    assert codes_of(ended) == [code, code]
    (error,) = errors_of(ended)
    assert sentence in error


@pytest.mark.parametrize(("command", "killed"), [("features", 0), ("features", 1), ("eval", 1)])
def test_the_other_rank_ends_with_a_sentence_when_one_is_killed(
    server: Server, made: Path, tmp_path: Path, command: str, killed: int
) -> None:
    file = tmp_path / "f.safetensors"
    words = ["features", made / "cats" / "testB", "--output", file, "--cache", tmp_path / "cache", *FEATURES]
    if command == "eval":
        words = eval_words(made, "killed")
    port, script = free_port(), Path(__file__).with_name("dying_rank.py")
    environment = plain_environment() | place_of(killed, 2, port)
    dying = subprocess.Popen([sys.executable, str(script)], env=environment)
    survivor = server.start(words, env=place_of(1 - killed, 2, port)).wait(IMPORTED + SOON)
    assert dying.wait(SOON) == -signal.SIGKILL
    assert survivor.code == 1
    assert errors_of([survivor]) == [f"error: rank {1 - killed}: another rank has ended, so that this one ends too."]
    assert survivor.out == "" and not file.exists()


def test_torchrun_scores_as_one_process_does(server: Server, made: Path, tmp_path: Path) -> None:
    alone = server.run(eval_words(made, "before"))
    with start_torchrun(eval_words(made, "torchrun"), tmp_path) as torchrun:
        out, err = torchrun.communicate(timeout=120)
    assert torchrun.returncode == 0, err
    assert json.loads(out) == json.loads(alone.out)


def test_torchrun_ends_all_when_a_rank_is_killed_in_the_middle(made: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(600):
        shutil.copy(made / "cats" / "testA" / "0.png", tmp_path / "in" / f"{number}.png")
    words = ["translate", run_id(made), "--input", tmp_path / "in", "--results", made / "results"]
    words += ["--batch-size", 1, "--device", "cpu", "--output", tmp_path / "out"]
    with start_torchrun(words, tmp_path) as torchrun:
        until = time.monotonic() + 120
        while not list((tmp_path / "out").glob("*.png")):
            assert torchrun.poll() is None, torchrun.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(child_with_rank(torchrun.pid, 1), signal.SIGKILL)
        _, err = torchrun.communicate(timeout=60)
    assert torchrun.returncode != 0
    assert "Signal 9 (SIGKILL)" in err or "exitcode: -9" in err
    assert len(list((tmp_path / "out").glob("*.png"))) < 600
