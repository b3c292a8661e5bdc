"""`ugbench table` with what stands beside the scores, on the committed records; the page of it shows what it prints."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Call = Callable[..., Result]
DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "reference" / "first-comparison"


def test_published_columns_and_standings_are_in_one_json(ugbench: Call) -> None:
    asked = ("--published", "table3,table2", "--columns", "hours", "--across", "--metric", "kid", "--json")
    printed = json.loads(ugbench("table", "--results", RESULTS, *asked).stdout)
    assert set(printed["published"]) == {"table3", "table2"}
    assert [ranking["metric"] for ranking in printed["across"]] == ["kid"]
    (row,) = [r for r in printed["rows"] if (r["dataset"], r["direction"], r["method"]) == ("cat2dog", "A2B", "unit")]
    assert (row["cells"], row["published"]["table3"]["printed"], row["about"]) == ({}, 8.15, {"hours": None})


def test_one_block_refuses_standings_in_one_sentence(ugbench: Call) -> None:
    result = ugbench("table", "--results", RESULTS, "--metric", "lpips", "--across")
    assert result.exit_code == 2
    assert "--across needs two data sets or directions" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_page_on_tables_shows_what_the_commands_print(ugbench: Call) -> None:
    page = (DOCS / "tables.md").read_text(encoding="utf-8").replace("#### ", "### ")
    common = ("table", "--results", RESULTS, "--format", "md")
    beside = ugbench(*common, "--dataset", "cat2dog", "--metric", "kid", "--published", "table3").stdout
    assert beside.strip() in page
    names = ("--published", "cleanfid,mmgeneration-official")
    assert ugbench(*common, "--dataset", "horse2zebra", *names).stdout.strip() in page
    across = ugbench(*common, "--metric", "kid,fid", "--across").stdout
    start = across.index("### Across")
    assert across[start : across.index("- Bold")].strip() in page


def test_a_data_set_without_scores_shows_the_published_numbers_alone(ugbench: Call) -> None:
    common = ("table", "--results", RESULTS, "--dataset", "horse2zebra")
    printed = json.loads(ugbench(*common, "--published", "cleanfid,mmgeneration", "--json").stdout)
    (row,) = [
        row for row in printed["rows"] if (row["direction"], row["method"], row["variant"]) == ("A2B", "cyclegan", None)
    ]
    assert row["cells"] == {}
    assert row["published"]["cleanfid-reported"]["printed"] == 77.2
    assert row["published"]["mmgeneration-official"]["printed"] == 62.111
    refused = ugbench(*common, "--published", "table1")
    assert (refused.exit_code, "--dataset horse2zebra: no scores of it" in refused.stderr) == (2, True)
