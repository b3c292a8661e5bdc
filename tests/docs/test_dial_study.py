"""What docs/dial-study.md says came out is what its records say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ugbench.scoring import record
from ugbench.tables import rho_verdict
from ugbench.tables.rho_records import read_all

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = DOCS / "reference" / "dial-study"


@pytest.fixture(scope="module")
def study() -> rho_verdict.Study:
    """Of the seeds that the plan names."""
    return rho_verdict.gather(read_all(RECORDS), record.read_all(RECORDS), "ugatit", range(7))


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / "dial-study.md").read_text(encoding="utf-8")


def test_every_run_of_the_plan_is_there(study: rho_verdict.Study) -> None:
    assert len(study.rhos) == 3 * 3 * 7 * 2, "settings, starts, seeds, directions"
    assert len(study.errors) == 2 * 5 * 7, "settings where something changes, arms, seeds"


def test_the_answers_stand_there_word_for_word(study: rho_verdict.Study, page: str) -> None:
    lines = page.splitlines()
    for sentence in rho_verdict.sentences(rho_verdict.verdict(study)):
        assert f"> {sentence}" in lines


def test_the_means_stand_there(study: rho_verdict.Study, page: str) -> None:
    rows = rho_verdict.means(study)
    assert len(rows) == 3 + 5 + 5
    for row in rows:
        assert f"| {' | '.join(cell or '–' for cell in row)} |" in page.splitlines()
