"""Every table on a page of docs/ is what the committed score records print today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import call

from ugbench.analysis import differences
from ugbench.scoring.record import read_all
from ugbench.tables.build import build_table
from ugbench.tables.display import DisplayNames
from ugbench.tables.formats import render

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = sorted({file.relative_to(DOCS / "reference").parts[0] for file in (DOCS / "reference").rglob("scores.jsonl")})
OTHER_PAGES = {"table3-dials": "comparison"}  # by the name of the records; all others are on the page of their own name
AS_PAPERS_DO = {"table3-dials"}


@pytest.mark.parametrize("name", RECORDS)
def test_the_page_shows_the_table_of_its_records(name: str) -> None:
    records = DOCS / "reference" / name
    built = build_table(read_all(records), differences=differences.read_all(records), names=DisplayNames())
    table = render(built, "md", layout="paper" if name in AS_PAPERS_DO else None)
    assert table.strip() in (DOCS / f"{OTHER_PAGES.get(name, name)}.md").read_text(encoding="utf-8")


def test_the_mean_ranks_on_the_page_of_the_comparison_are_those_of_its_records() -> None:
    records = DOCS / "reference" / "table3-dials"
    printed = call("table", "--results", records, "--metric", "kid,changed", "--across", "--format", "md").stdout
    ranks = re.findall(r"^\| ([\w-]+) \| ([\d.]+ \\\[.*?\\\]) \|", printed, re.MULTILINE)
    by_metric = ranks[:6], ranks[6:]
    assert len(ranks) == 12 and {name for name, _ in by_metric[0]} == {name for name, _ in by_metric[1]}
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    for name, by_kid in by_metric[0]:
        assert f"| {name} | {by_kid} | {dict(by_metric[1])[name]} |".replace("\\", "") in page


def test_the_printed_numbers_on_the_page_of_the_comparison_are_those_of_the_paper() -> None:
    datasets = ("selfie2anime", "horse2zebra", "cat2dog", "photo2portrait", "photo2vangogh")
    chosen = [word for dataset in datasets for word in ("--dataset", dataset)]
    words = ["--published", "table3", *chosen, "--layout", "paper", "--format", "md"]
    printed = call("table", "--results", DOCS / "reference" / "table3-dials", *words).stdout
    tables = printed[printed.index("### table3") : printed.index("\n\n- ")]
    assert tables in (DOCS / "comparison.md").read_text(encoding="utf-8")


def test_the_worked_example_of_statistics_shows_the_table_and_the_errors_of_its_records() -> None:
    records = DOCS / "reference" / "real-ablation"
    pairs = differences.read_all(records)
    text = (DOCS / "statistics.md").read_text(encoding="utf-8")
    printed = render(build_table(read_all(records), ["kid"], pairs, names=DisplayNames()), "md")
    assert printed.split("### cat2dog B2A")[0].strip() in text
    runs = {record.method: record.run for record in read_all(records)}
    (pair,) = [pair for pair in pairs if (pair.first, pair.second) == (runs["full"], runs["rho0"])]
    assert f"`rho0` is worse than `full` by {-100 * pair.value:.0f}." in text
    assert f"√(121² + 136²) = {100 * pair.unpaired_se:.0f}" in text
    assert f"the paired error: {100 * pair.se:.1f}. So the difference is {-pair.value / pair.se:.1f} of" in text
