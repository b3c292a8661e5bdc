"""Arguments of the Python API that are of another type are one sentence, and not an error of Python's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ugbench
from ugbench.errors import UgbenchError, UsageError

CALLS: dict[str, tuple[Callable[..., Any], str]] = {
    "set as text": (lambda: ugbench.train("cut", "dial", set="ema=2"), "set='ema=2': give a dictionary, as in set="),
    "set as a list": (lambda: ugbench.train("cut", "dial", set=["ema=2"]), "give a dictionary"),
    "set of fields": (lambda: ugbench.compare(["cut"], "dial", set={"ema": 0.5}), "set=0.5: give a dictionary"),
    "set of a study": (lambda: ugbench.ablate("ugatit", "dial", set="lr=1"), "set='lr=1': give a dictionary"),
    "where as text": (lambda: ugbench.table(where="steps=60"), "where='steps=60': give a dictionary"),
    "labels as a list": (lambda: ugbench.table(labels=["cut"]), "labels=['cut']: give a dictionary"),
    "weights as text": (lambda: ugbench.train("cut", "dial", weights="a.pt"), "weights='a.pt': give a dictionary"),
    "no number": (lambda: ugbench.train("cut", "dial", keep=0), "keep=0: give a whole number of 1 or more"),
    "a wrong size": (lambda: ugbench.compare(["cut"], "dial", size=(48, 0)), "size=(48, 0): give a whole number"),
    "a wrong fit": (lambda: ugbench.train("cut", "dial", fit="crops"), "crops"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_is_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, sentence = CALLS[name]
    with pytest.raises(UsageError) as caught:
        call()
    assert sentence in str(caught.value), str(caught.value)


@pytest.mark.parametrize("runs", ["best", ["best"]])
def test_one_run_of_a_figure_is_given_as_it_is_or_in_a_list(runs: object, tmp_path: Path) -> None:
    with pytest.raises(UgbenchError, match="an id that starts with 'best'"):
        ugbench.figure("comparison", tmp_path, runs=runs)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(48, 32), "48x32"])
def test_studies_take_rectangles(size: object, tmp_path: Path) -> None:
    fields = {"preset": "smoke", "steps": 4, "seeds": [0], "extractor": "random", "dry_run": True, "progress": False}
    plan = ugbench.compare(["cyclegan"], "dial:size=32,train=4,test=4", size=size, results=tmp_path / "results",
                           data_root=tmp_path / "data", **fields)  # type: ignore[arg-type]  # fmt: skip
    assert len(plan) == 1
