"""A study's file: what was decided first stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from ugbench.errors import RunError
from ugbench.study.decisions import Decisions, read_decisions, store_precision, store_steps
from ugbench.study.grid import Study

STUDY = Study(methods=("ugatit",), datasets=("dial",))


def test_the_first_precision_stays_and_stands_beside_the_steps(tmp_path: Path) -> None:
    file = tmp_path / "studies" / "x.json"
    assert read_decisions(file) == Decisions()
    assert store_steps(file, STUDY, {"ugatit": 7}) == {"ugatit": 7}
    assert store_steps(file, STUDY, {"ugatit": 30}) == {"ugatit": 7}
    assert store_precision(file, STUDY, "fp32") == "fp32"
    assert store_precision(file, STUDY, "bf16") == "fp32"
    assert read_decisions(file) == Decisions(precision="fp32", steps={"ugatit": 7})


BAD = ["{", '{"precision": "fp8"}', '{"steps": 3}', '{"steps": {"ugatit": "x"}}', '{"steps": {"ugatit": 0}}']


@pytest.mark.parametrize("content", BAD)
def test_a_file_that_is_none_of_a_study_is_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=r"x\.json"):
        read_decisions(file)


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("mine\n", encoding="utf-8")
    (tmp_path / "x.lock").symlink_to(tmp_path / "profile")
    with pytest.raises(RunError, match=r"x\.lock is a link"):
        store_precision(tmp_path / "x.json", STUDY, "fp32")
    assert (tmp_path / "profile").read_text(encoding="utf-8") == "mine\n"
