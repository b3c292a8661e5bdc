"""Reading score records, building a table and printing it loads no torch or matplotlib, and pandas for latex alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECORDS = Path(__file__).parents[2] / "docs" / "reference" / "ablation"
HEAVY = ("torch", "matplotlib", "pandas")
BY_STYLER = "latex"  # pandas' Styler writes it


def loaded(code: str) -> list[str]:
    """Which of HEAVY a new interpreter has loaded after it ran this code."""
    report = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return done.stderr.split()


@pytest.mark.parametrize("format", ["terminal", "md", "latex", "csv", "html", "json"])
def test_a_table_is_built_and_printed_without_them(format: str) -> None:
    code = f"""
from pathlib import Path
from ugbench.analysis.differences import read_all as read_differences
from ugbench.scoring.record import read_all
from ugbench.tables.build import build_table
from ugbench.tables.formats import render
results = Path({str(RECORDS)!r})
table = build_table(read_all(results), differences=read_differences(results))
print(render(table, {format!r}))
"""
    assert loaded(code) == (["pandas"] if format == BY_STYLER else [])


def test_costs_published_numbers_and_ablations_are_made_without_them() -> None:
    code = f"""
from pathlib import Path
from ugbench.scoring.record import read_all
from ugbench.tables.ablation import ablation_table
from ugbench.tables.build import build_table
from ugbench.tables.columns.published import add_published
from ugbench.tables.columns.run_columns import add_run_columns
results = Path({str(RECORDS)!r})
table = add_published(build_table(read_all(results)), ["table1"])
add_run_columns(table, ["parameters", "flops", "hours"], results, lambda run: None)
ablation_table(table, "ugatit")
"""
    assert loaded(code) == []
