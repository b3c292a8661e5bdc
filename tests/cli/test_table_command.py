"""`ugbench table` with what stands beside the scores, on the committed records; the page of it shows what it prints."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
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


PAPER = (
    *("table", "--results", DOCS / "reference" / "comparison", "--metric", "kid", "--order", "ugatit", "--sort", "kid"),
    *("--dataset", "cat2dog", "--dataset", "dial-s0-t1-32", "--dataset", "dial-s1-t0-32", "--dataset", "dial-s1-t1-32"),
    *("--label", "dial-s0-t1-32=dial, texture", "--label", "dial-s1-t0-32=dial, shape"),
    *("--label", "dial-s1-t1-32=dial, both"),
)


def test_labels_order_and_layout_decide_what_is_read_and_nothing_of_the_json(ugbench: Call) -> None:
    lines = [line.split() for line in ugbench(*PAPER, "--layout", "paper").stdout.splitlines()]
    assert [line[0] for line in lines[2:12] if line] == [
        *("method", "─" * len(lines[3][0]), "identity", "─" * len(lines[5][0]), "U-GAT-IT", "UNIT", "CUT", "CycleGAN"),
        *("─" * len(lines[10][0]), "real"),
    ]
    assert [" ".join(lines[2])] == ["method cat2dog dial, texture dial, shape dial, both"]
    as_json = json.loads(ugbench(*PAPER, "--layout", "paper", "--format", "json").stdout)
    assert as_json == json.loads(ugbench(*PAPER, "--json").stdout)
    assert {row["dataset"] for row in as_json["rows"]} == {
        "cat2dog",
        "dial-s0-t1-32",
        "dial-s1-t0-32",
        "dial-s1-t1-32",
    }
    assert not any("U-GAT-IT" in note for note in as_json["notes"])


def test_the_tables_of_papers_on_the_pages_are_what_the_commands_print(ugbench: Call) -> None:
    printed = ugbench(*PAPER, "--layout", "paper", "--format", "md").stdout.strip()
    page = (DOCS / "tables.md").read_text(encoding="utf-8")
    assert printed.replace("#### ", "##### ").replace("### KID", "#### KID") in page
    first = ugbench("table", "--results", RESULTS, "--metric", "kid", "--layout", "paper", "--format", "md").stdout
    page = (DOCS / "first-comparison.md").read_text(encoding="utf-8")
    assert first[: first.index("- Bold")].strip() in page


def test_latex_has_the_layout_of_a_paper_with_the_caption_and_the_label_of_the_user(ugbench: Call) -> None:
    words = ("--format", "latex", "--caption", "Scores.", "--tex-label", "tab:main")
    printed = ugbench(*PAPER, *words).stdout
    assert printed.count("\\begin{table*}") == 1
    assert "\\caption{Scores.}\n\\label{tab:main}" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label", "ugatti=Ours"], "'ugatti'; did you mean 'ugatit'?"),
        (["--label", "ugatit"], "--label ugatit: give it as NAME=TEXT."),
        (["--label", "ugatit=a", "--label", "ugatit=b"], "ugatit is given twice"),
        (["--sort", "kdi"], "'kdi'; did you mean 'kid'?"),
        (["--order", "cyclgan"], "'cyclgan'; did you mean 'cyclegan'?"),
        (["--caption", "Scores"], "--caption is for --format latex, and the format is terminal; leave it out."),
        (["--tex-label", "x", "--format", "md"], "--tex-label is for --format latex, and the format is md"),
    ],
)
def test_a_name_that_is_not_in_the_table_and_an_option_without_use_are_refused(
    ugbench: Call, words: list[str], message: str
) -> None:
    result = ugbench("table", "--results", RESULTS, "--metric", "kid", *words)
    assert result.exit_code == 2
    assert message in result.stderr and "Traceback" not in result.stderr


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
