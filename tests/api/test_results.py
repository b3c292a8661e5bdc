"""Tables and figures of a results folder in Python."""

import json
from pathlib import Path

import matplotlib
import pytest
from commands import call
from matplotlib.figure import Figure

import ugbench
from ugbench.errors import UnknownName, UsageError

RESULTS = Path(__file__).parents[2] / "docs" / "reference" / "comparison"


def test_a_table_has_the_raw_values_of_the_command_line() -> None:
    table = ugbench.table(RESULTS, metrics=["kid"], dataset="cat2dog")
    words = ["table", "--results", RESULTS, "--metric", "kid", "--dataset", "cat2dog", "--json"]
    rows = json.loads(call(*words).stdout)["rows"]
    key = next(iter(rows[0]["cells"]))
    assert table["method"].tolist() == [row["method"] for row in rows]
    assert table[key].tolist() == [row["cells"][key]["value"] for row in rows]
    assert table.style.to_html().count("<tbody>") == 1


def test_a_table_takes_what_the_command_takes() -> None:
    table = ugbench.table(RESULTS, metrics="kid", dataset=["cat2dog"], published="table3", sort="kid", order=["cut"])
    a2b = table[table["direction"] == "A2B"]
    assert next(name for name in a2b["method"] if name not in ("identity", "real")) == "cut"
    assert any("table3" in name for name in table.columns)
    assert "Ours" in ugbench.table(RESULTS, labels={"ugatit": "Ours"}).style.to_html()
    with pytest.raises(UnknownName, match="no metric is called 'kidd'"):
        ugbench.table(RESULTS, metrics=["kidd"])
    with pytest.raises(UsageError, match=r"^results nowhere: there is no such folder"):
        ugbench.table("nowhere")
    with pytest.raises(UsageError, match=r"^dataset cat: no scores of it"):
        ugbench.table(RESULTS, dataset="cat")


def test_a_figure_is_one_of_matplotlib(results: Path, tmp_path: Path) -> None:
    drawn = ugbench.figure("losses", results)
    assert isinstance(drawn, Figure)
    drawn.savefig(tmp_path / "losses.png")
    assert (tmp_path / "losses.png").stat().st_size > 1000
    assert drawn._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_a_figure_shows_the_chosen_runs(results: Path) -> None:
    first, second = ugbench.list_runs(results)
    texts = [
        {text.get_text() for text in ugbench.figure("losses", results, runs=chosen).findobj(matplotlib.text.Text)}
        for chosen in ([first], [second.id], [first, second])
    ]
    assert any(first.method in text for text in texts[0])
    assert not any(second.method in text for text in texts[0])
    assert any(second.method in text for text in texts[1])
    assert all(any(run.method in text for text in texts[2]) for run in (first, second))


def test_a_wrong_figure_is_one_sentence(results: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'losses'"):
        ugbench.figure("loses", results)
    with pytest.raises(UsageError, match="rows=0: give a whole number of 1 or more"):
        ugbench.figure("comparison", results, rows=0)
    with pytest.raises(UsageError, match="every=0: give a whole number of 1 or more"):
        ugbench.figure("comparison", results, every=0)
    with pytest.raises(UsageError, match="no run"):
        ugbench.figure("losses", results, runs=["zzz"])
