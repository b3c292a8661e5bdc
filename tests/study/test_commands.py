"""The command of each run of a study: what its words mean to `ugbench train`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ugbench.study.commands import Watch, command
from ugbench.training.execution import Execution
from ugbench.training.request import Request

REQUEST = Request("cut", "cats", Path("r"), Path("d"), torch.device("cpu"), weights={"edges": Path("e.pth")})
PLAIN = command(REQUEST, "cpu", Watch())


def test_a_run_that_is_not_watched_has_no_word_of_it() -> None:
    assert PLAIN[-2:] == ["--weights", "edges=e.pth"]
    assert not {"--track", "--eval-every", "--extractor", "--cache"} & set(PLAIN)


def test_without_scores_the_extractor_and_its_weights_are_not_handed_on() -> None:
    assert command(REQUEST, "cpu", Watch(extractor="clip", weights={"clip": Path("c")}, cache=Path("f"))) == PLAIN


def test_a_run_that_is_watched_gets_its_trackers_the_extractor_and_each_file_once() -> None:
    files = {"clip": Path("c.pth"), "edges": Path("e.pth")}
    words = command(REQUEST, "cpu", Watch(("wandb", "mlflow"), 50, "clip", files, Path("f")))
    assert words == [
        *PLAIN[:-2],
        *("--track", "wandb", "--track", "mlflow"),
        *("--eval-every", "50", "--extractor", "clip", "--cache", "f"),
        *("--weights", "edges=e.pth", "--weights", "clip=c.pth"),
    ]


def test_a_run_is_told_how_to_compute_its_steps_where_that_is_not_the_default() -> None:
    assert not {"--deterministic", "--compile", "--capture"} & set(PLAIN)
    words = command(replace(REQUEST, execution=Execution(deterministic=True, compile="on", capture="off")), "cpu")
    first = words.index("--deterministic")
    assert words[first : first + 5] == ["--deterministic", "--compile", "on", "--capture", "off"]


def test_runs_that_train_at_once_are_told_how_many_share_the_machine() -> None:
    assert "--jobs" not in PLAIN
    words = command(REQUEST, "cuda:1", Watch(), jobs=3)
    assert words[words.index("--jobs") + 1] == "3"
    assert words[words.index("--device") + 1] == "cuda:1"


def test_a_field_without_a_value_is_null_as_people_type_it() -> None:
    words = command(replace(REQUEST, overrides={"blocks": None, "size": (32, 64), "lr": 1e-3}), "cpu")
    assert [words[place + 1] for place, word in enumerate(words) if word == "--set"] == [
        "blocks=null", "size=32x64", "lr=0.001",
    ]  # fmt: skip
