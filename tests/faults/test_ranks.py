"""Several processes that train one run end together, whatever happens to one of them, and one of them says why."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from processes import Process, Server
from safetensors.torch import load_file
from small_training import Training, checkpoint_folders, leftovers
from started_ranks import SOON, child_with_rank, codes_of, end, errors_of, start, start_torchrun

METHOD = "cyclegan"  # it has image pools
# Two ranks sum in another order than one process. Adam moves a weight by its rate even where the gradient is nothing
# but rounding, so that at the rate of the preset the losses differ by 2e-3 after five steps, and at this one by 2e-6
# after eight.
STEADY = ("lr=1e-5",)


def wait_for(training: Training, step: int, ranks: Sequence[Process]) -> None:
    """Wait until the training has a checkpoint of this step or a later one."""
    until = time.monotonic() + 60
    while max(checkpoint_folders(training.run_folder()), default=0) < step:
        ended = [rank.poll() for rank in ranks]
        assert not any(ended), ended
        assert time.monotonic() < until
        time.sleep(0.01)


def largest_difference(first: Training, second: Training) -> float:
    """Between the kernels of two finished trainings. Biases before an instance norm have a gradient of rounding errors
    alone, and Adam moves them by these as far as by any other.
    """
    before, after = (load_file(each.existing_run() / "generators.safetensors") for each in (first, second))
    return max(float((before[name] - after[name]).abs().max()) for name in before if before[name].ndim > 1)


def test_two_ranks_train_the_run_of_one_and_the_first_alone_prints_and_writes(server: Server, tmp_path: Path) -> None:
    alone, together = (Training(METHOD, tmp_path / name, 6, settings=STEADY) for name in ("alone", "together"))
    alone.finish(server)
    first, second = end(start(server, together.words()))
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert (second.out, second.err) == ("", "")
    report = json.loads(first.out)
    assert report["status"] == "done"
    assert report["id"] == json.loads((alone.existing_run() / "config.json").read_text())["id"]
    assert largest_difference(alone, together) < 1e-5
    run = together.existing_run()
    assert json.loads((run / "environment.json").read_text())["ranks"] == 2
    assert json.loads((run / "method.json").read_text()) == json.loads(
        (alone.existing_run() / "method.json").read_text()
    )
    lines, expected = (
        [json.loads(line) for line in (each.existing_run() / "metrics.jsonl").read_text().splitlines()]
        for each in (together, alone)
    )
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    for line, whole in zip(lines, expected, strict=True):
        assert line == pytest.approx(whole, rel=1e-4), "a logged loss is the mean over the whole batch"
    assert leftovers(run) == []


def test_a_run_of_two_ranks_goes_on_with_one_and_of_one_with_two(server: Server, tmp_path: Path) -> None:
    whole = Training(METHOD, tmp_path / "whole", 8, settings=STEADY)
    whole.finish(server)
    for name, before, after in (("fewer", 2, 1), ("more", 1, 2)):
        training = Training(METHOD, tmp_path / name, 8, settings=STEADY)
        ranks = start(server, training.words(), before)
        wait_for(training, 2, ranks)
        for rank in ranks:
            os.kill(rank.pid, signal.SIGTERM)
        assert codes_of(end(ranks)) == [75] * before
        ended = end(start(server, training.words(), after))
        assert codes_of(ended) == [0] * after, ended[0].err
        noun = "processes" if before > 1 else "process"
        assert f"{before} {noun} trained this run until now: going on with {after} is not bit-exact." in ended[0].err
        losses, expected = (
            [json.loads(line) for line in (each.existing_run() / "metrics.jsonl").read_text().splitlines()]
            for each in (training, whole)
        )
        assert [line["step"] for line in losses] == list(range(1, 9))
        for line, expected_line in zip(losses, expected, strict=True):
            assert line == pytest.approx(expected_line, rel=1e-4)


def test_a_signal_to_one_rank_stops_all_and_saves_the_run(server: Server, tmp_path: Path) -> None:
    training = Training(METHOD, tmp_path, 1000)
    ranks = start(server, training.words())
    wait_for(training, 2, ranks)
    os.kill(ranks[1].pid, signal.SIGUSR1)
    ended = end(ranks)
    assert codes_of(ended) == [75, 75]
    (error,) = errors_of(ended)
    step = json.loads(ended[0].out)["step"]
    assert error == f"error: stopped and saved at step {step} of 1000; run the same command again to go on."
    assert max(checkpoint_folders(training.existing_run())) == step
    assert (
        "ranks"
        in json.loads((training.existing_run() / "checkpoints" / str(step) / "manifest.json").read_text())["notes"]
    )


@pytest.mark.parametrize("killed", [0, 1])
def test_all_ranks_end_when_one_is_killed_and_the_run_goes_on_from_its_checkpoint(
    server: Server, tmp_path: Path, killed: int
) -> None:
    training = Training(METHOD, tmp_path, 8, keep="all")
    ranks = start(server, training.words())
    wait_for(training, 4, ranks)
    ranks[killed].kill()
    survivor = ranks[1 - killed].wait(SOON)
    if survivor.code == 0:
        pytest.fail("the training was done before the kill")
    assert survivor.code == 1
    assert errors_of([survivor]) == [f"error: rank {1 - killed}: another rank has ended, so that this one ends too."]
    ended = end(start(server, training.words()))
    assert codes_of(ended) == [0, 0], ended[0].err
    assert json.loads(ended[0].out)["resumed_from"] >= 4


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--batch-size", 3), 2, "batch_size=3: it is the size of the whole batch, and 2 processes cannot divide it"),
        (("--dataset", "no-such"), 2, "no-such"),
        (("--size", 33), 2, "size"),
        (("--no-such-option",), 2, "no such option: --no-such-option"),
        (("--set", "lr=1e30"), 1, "became NaN or Inf"),
    ],
    ids=["batch", "dataset", "size", "option", "not-finite"],
)
def test_what_a_user_can_cause_is_said_once_and_all_ranks_exit_alike(
    server: Server, tmp_path: Path, options: tuple[object, ...], code: int, sentence: str
) -> None:
    ended = end(start(server, [*Training(METHOD, tmp_path, 8).words(), *options]))
    assert codes_of(ended) == [code, code]
    (error,) = errors_of(ended)
    assert sentence in error


def test_an_image_that_another_rank_cannot_read_is_named_by_the_first(server: Server, tmp_path: Path) -> None:
    images = tmp_path / "photos"
    for folder in ("trainA", "trainB"):
        (images / folder).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (36, 36), (40 * number, 80, 120)).save(images / folder / f"{number}.png")
    broken = images / "trainA" / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    training = Training(METHOD, tmp_path, 4)
    words = [*training.words(), "--dataset", images, "--images", "disk"]
    ended = end(start(server, words))
    assert codes_of(ended) == [2, 2], ended[0].err
    (error,) = errors_of(ended)
    assert str(broken) in error
    failure = json.loads((training.existing_run() / "failure.json").read_text())
    assert failure["image"] == "1.png"


def test_other_commands_refuse_to_be_started_as_several_processes(server: Server, tmp_path: Path) -> None:
    ended = end(start(server, ["table", "--results", tmp_path]))
    assert codes_of(ended) == [2, 2]
    assert errors_of(ended) == [
        "error: table: torchrun is for eval, features, translate and train; start this command without it."
    ]


def test_torchrun_starts_the_ranks_again_after_a_kill(tmp_path: Path) -> None:
    training = Training(METHOD, tmp_path, 24, keep="all")
    words = [*training.words(), "--restart"]
    with start_torchrun(words, tmp_path, "--max-restarts", "1") as torchrun:
        until = time.monotonic() + 120
        while max(checkpoint_folders(training.run_folder()), default=0) < 4:
            assert torchrun.poll() is None, torchrun.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(child_with_rank(torchrun.pid, 1), signal.SIGKILL)
        out, err = torchrun.communicate(timeout=120)
    assert torchrun.returncode == 0, err
    assert json.loads(out)["resumed_from"] >= 4, "--restart is for the first start alone"
    assert "Signal 9 (SIGKILL)" in err or "exitcode: -9" in err
