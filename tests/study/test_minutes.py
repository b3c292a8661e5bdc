"""`--minutes` on several machines: all of them train as many steps as the first one stored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from ugbench.errors import RunError
from ugbench.runs.folder import study_file
from ugbench.study import measure, stages
from ugbench.study.decisions import read_decisions, store_steps
from ugbench.study.grid import Arm, declare
from ugbench.study.plan import StudySetup

STUDY = declare(
    {
        "methods": ["cyclegan"],
        "datasets": ["dial:size=32,train=3,test=2"],
        "seeds": [0],
        "preset": "smoke",
        "size": 32,
        "minutes": 1,
    },
    "the test",
)


@pytest.fixture
def setup(tmp_path: Path) -> StudySetup:
    return StudySetup(tmp_path / "results", tmp_path / "datasets", torch.device("cpu"), "fp32")


def planned_steps(setup: StudySetup, said: list[str]) -> list[tuple[int, str]]:
    report = stages.Report(said.append, lambda _title: nullcontext(lambda _done, _total: None))
    return [(planned.run.steps, planned.run.id) for planned in stages.plan_runs(STUDY, setup, report)]


def test_a_machine_that_measured_at_the_same_time_takes_the_steps_that_were_stored_first(
    setup: StudySetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty seconds are 30 steps here, and the other machine, which stores 7 meanwhile, is slower."""
    file = study_file(setup.results, STUDY.id)

    def measured(_study: Any, arms: Sequence[Arm], *_: Any) -> measure.Measured:
        store_steps(file, STUDY, {"cyclegan": 7})
        return {arm: {"seconds_per_step": 2.0} for arm in arms}

    monkeypatch.setattr(measure, "measure_arms", measured)
    said: list[str] = []
    (at_first,) = planned_steps(setup, said)
    assert at_first[0] == 7 and read_decisions(file).steps == {"cyclegan": 7}
    text = f"cyclegan: 1 minutes are 7 steps on the machine that stored them first (stored in {file})."
    assert text in said
    assert planned_steps(setup, []) == [at_first]


def test_steps_that_are_measured_first_are_those_of_this_machine(
    setup: StudySetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        measure, "measure_arms", lambda _study, arms, *_: {arm: {"seconds_per_step": 2.0} for arm in arms}
    )
    said: list[str] = []
    assert [steps for steps, _ in planned_steps(setup, said)] == [30]
    file = study_file(setup.results, STUDY.id)
    assert f"cyclegan: 1 minutes are 30 steps here (stored in {file})." in said


def test_a_file_with_the_steps_of_other_arms_is_named(setup: StudySetup) -> None:
    file = study_file(setup.results, STUDY.id)
    store_steps(file, STUDY, {"cut": 7})
    with pytest.raises(RunError, match=r"steps are those of cut, and not of cyclegan; remove the file"):
        planned_steps(setup, [])
