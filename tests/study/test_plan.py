"""The plan of a study: its runs, and how often it reads the data sets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from ugbench.data.dataset_names import resolve
from ugbench.data.known_files import KnownFiles
from ugbench.study.commands import command
from ugbench.study.grid import Study, declare
from ugbench.study.plan import StudySetup, make_plan
from ugbench.training.prepare import prepare

DIALS = ["dial:size=32,train=3,test=2", "dial:shape=0,size=32,train=3,test=2"]


@pytest.fixture
def setup(tmp_path: Path) -> StudySetup:
    return StudySetup(tmp_path / "results", tmp_path / "datasets", torch.device("cpu"))


@pytest.fixture
def study() -> Study:
    """Twelve runs: two data sets, three arms and two seeds."""
    fields = {
        "methods": ["ugatit", "cyclegan"],
        "variants": {"ugatit": ["full", "in"]},
        "datasets": DIALS,
        "seeds": [0, 1],
        "preset": "smoke",
        "size": 32,
        "steps": 2,
    }
    return declare(fields, "the test")


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_plan_hashes_each_training_image_once_for_all_runs(
    study: Study, setup: StudySetup, monkeypatch: pytest.MonkeyPatch, skip_bad: bool
) -> None:
    roots = [resolve(dial, setup.data_root).root for dial in DIALS]
    hashed: Counter[Path] = Counter()
    sha256 = KnownFiles.sha256

    def counted(known: KnownFiles, path: Path) -> str:
        hashed[path] += 1
        return sha256(known, path)

    monkeypatch.setattr(KnownFiles, "sha256", counted)
    planned = make_plan(study, StudySetup(setup.results, setup.data_root, setup.device, skip_bad=skip_bad))
    assert len(planned) == 12
    images = {path for root in roots for split in ("trainA", "trainB") for path in root.glob(f"{split}/*")}
    assert hashed == dict.fromkeys(images, 1)


def test_a_planned_run_is_the_run_that_train_opens(study: Study, setup: StudySetup) -> None:
    for planned in make_plan(study, setup)[:4]:
        assert not planned.run.path.exists()
        assert (planned.status, planned.step) == ("missing", 0)
        run, *_ = prepare(planned.request)
        assert (run.id, run.path) == (planned.run.id, planned.run.path)


def test_an_image_that_cannot_be_read_is_left_out_of_the_plan_as_of_training(study: Study, setup: StudySetup) -> None:
    root = resolve(DIALS[0], setup.data_root).root
    intact = make_plan(study, setup)[0].run.id
    (root / "trainA" / "zz.png").write_bytes(b"no image")
    (planned, *_) = make_plan(study, StudySetup(setup.results, setup.data_root, setup.device, skip_bad=True))
    assert planned.run.config.dataset is not None
    assert planned.run.config.dataset.skipped == ["trainA/zz.png"]
    assert planned.run.id == prepare(planned.request)[0].id == intact


@pytest.mark.parametrize("fields", [{"size": "32x24"}, {"set": {"cut": {"size": [32, 24]}}}])
def test_the_command_of_a_run_at_a_rectangle_trains_that_run(fields: dict[str, Any], setup: StudySetup) -> None:
    study = declare({"methods": ["cut"], "datasets": DIALS[:1], "seeds": [0], "preset": "smoke", **fields}, "the test")
    planned = make_plan(study, setup)
    assert [one.run.config.config["size"] for one in planned] == [[32, 24], [32, 24]]  # A to B, and B to A
    words = command(planned[0].request, "cpu")
    assert words[words.index("--set") + 1] == "size=32x24"
