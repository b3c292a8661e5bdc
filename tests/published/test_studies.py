"""Studies that come with the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ugbench.errors import UsageError
from ugbench.published.studies import named_study, published_studies
from ugbench.published.tables import published_tables
from ugbench.study.grid import Study, declare, read, study_runs


def published(name: str) -> Study:
    return declare(read(published_studies()[name]), name)


def test_the_study_of_table_3_has_a_run_for_each_printed_number_and_no_other() -> None:
    """A method that translates in both directions has one run for the two numbers."""
    study = published("table3")
    runs = [run for run in study_runs(study) if run.seed == 0]
    trained = [
        (run.dataset, direction, run.arm.label)
        for run in runs
        for direction in ((run.direction,) if run.direction else ("A2B", "B2A"))
    ]
    [table] = published_tables("table3")
    printed = [(cell.dataset, cell.direction, cell.method) for cell in table.cells]
    assert sorted(trained) == sorted(printed)
    assert (study.preset, study.seeds, study.steps, study.size) == ("paper", (0, 1, 2), None, None)


def test_the_study_of_emoji_has_the_steps_that_its_page_shows() -> None:
    study = published("emoji")
    page = (Path(__file__).parents[2] / "docs" / "emoji.md").read_text(encoding="utf-8")
    trained = re.findall(r"ugbench train (\w+) --dataset (\S+) --preset (\S+) --steps (\d+) --set zoom=1 --prec", page)
    assert trained
    for method, dataset, preset, steps in trained:
        assert ((dataset,), preset) == (study.datasets, study.preset)
        assert study.set[method] == {"zoom": 1, "steps": int(steps)}


def test_a_published_study_is_named_with_or_without_its_suffix_and_a_file_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table3 = published_studies()["table3"]
    assert named_study(Path("table3")) == named_study(Path("table3.toml")) == table3
    for other in (Path("table4"), Path("folder/table3"), tmp_path / "table3.toml", Path("table3.json")):
        assert named_study(other) == other
    Path("table3.toml").write_text("", encoding="utf-8")
    assert named_study(Path("table3.toml")) == Path("table3.toml")


def test_a_study_that_is_nowhere_is_one_sentence_with_the_names_of_those_that_are_here() -> None:
    with pytest.raises(
        UsageError, match=r"--study table4: cannot be read .* comes with this package: emoji, table3\.$"
    ):
        read(Path("table4"))
