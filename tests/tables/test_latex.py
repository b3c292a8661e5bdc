"""LaTeX for papers: Debian's TeX compiles it without a complaint, numbers align, and no name is a command."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from latex_documents import ALLOWED, CONFERENCES, compile_fragment, lines_of, packages_of

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.published import add_published
from ugbench.tables.display import DisplayNames
from ugbench.tables.formats import render
from ugbench.tables.formats.tex_text import escape
from ugbench.tables.model import Table

Make = Callable[..., ScoreRecord]
DATASETS = ("selfie2anime", "horse2zebra", "cat2dog", "photo2portrait", "photo2vangogh")
METHODS = ("ugatit", "cut", "cyclegan", "unit", *(f"method{number}" for number in range(9)))


@pytest.fixture
def small(make_record: Make) -> Table:
    return build_table(
        [
            make_record("kid", "identity", 0.2034, 0.0057),
            make_record("kid", "ugatit", 0.1161, 0.0057),
            make_record("kid", "cut", 0.13, 0.061),
            make_record("kid", "real", -0.0104, 0.052),
            make_record("kid", "ugatit", 0.05, direction="B2A"),
            make_record("kid", "cut", 0.06, direction="B2A", dataset="cats"),
        ],
        names=DisplayNames(),
    )


@pytest.fixture
def large(make_record: Make) -> Table:
    """13 methods of 3 seeds, identity and real, on 5 data sets in both directions."""
    draw = random.Random(0).random
    records = []
    for dataset in DATASETS:
        for direction in ("A2B", "B2A"):
            where = {"dataset": dataset, "direction": direction}
            for method in METHODS:
                values = [0.1 + draw() for _ in range(3)]
                records += [make_record("kid", method, value, seed=k, **where) for k, value in enumerate(values)]
            records += [make_record("kid", "identity", 12.3, 0.5, **where)]
            records += [make_record("kid", "real", -0.0123, 0.0456, **where)]
    return build_table(records, names=DisplayNames())


def test_a_metric_is_one_float_with_its_directions_below_each_other(small: Table) -> None:
    text = render(small, "latex")
    assert text.count("\\begin{table}") == text.count("\\caption{") == text.count("\\label{tab:kid}") == 1
    assert text.count("\\toprule") == text.count("\\bottomrule") == 2
    lines = text.splitlines()
    heads = [line for line in lines if line.startswith("{method}")]
    assert heads == ["{method} & {dial} \\\\", "{method} & {cats} & {dial} \\\\"]
    assert "U-GAT-IT & \\bfseries 11.61{\\,$\\pm$\\,0.57} \\\\" in lines
    assert "CUT & 13.0{\\,$\\pm$\\,6.1\\,$\\approx$} \\\\" in lines
    assert "real & -1.0{\\,$\\pm$\\,5.2} \\\\" in lines
    assert "U-GAT-IT & {--} & 5.000 \\\\" in lines
    begun, ended = re.findall(r"\\begin\{([\w*]+)\}", text), re.findall(r"\\end\{([\w*]+)\}", text)
    assert sorted(begun) == sorted(ended)
    assert text.isascii()


def test_columns_reserve_room_for_the_longest_numbers_of_both_panels(small: Table) -> None:
    text = render(small, "latex", "blocks")
    # 20.34, 11.61, 13.0 and -1.0 have a sign, 2 digits before and 2 after the point; 13.0 has the longest addition.
    assert "{lS[table-format=-2.2, table-space-text-post={\\,$\\pm$\\,6.1\\,$\\approx$}]}" in text
    assert text.count("\\begin{table}") == 3


def test_rules_stand_between_identity_methods_and_real(small: Table) -> None:
    lines = render(small, "latex").splitlines()
    rules = [lines[place - 1].split(" ")[0] for place, line in enumerate(lines) if line == "\\midrule"]
    assert rules == ["{method}", "identity", "U-GAT-IT", "{method}"]


@pytest.mark.parametrize("conference", CONFERENCES)
@pytest.mark.parametrize("layout", ["paper", "blocks"])
def test_13_methods_on_5_data_sets_compile_without_a_complaint(
    large: Table, conference: str, layout: str, tmp_path: Path
) -> None:
    fragment = render(large, "latex", layout)
    assert set(packages_of(fragment)) <= ALLOWED
    _, complaints = compile_fragment(fragment, conference, tmp_path)
    assert complaints == []


def test_a_table_wider_than_a_column_has_the_width_of_the_page(small: Table, large: Table) -> None:
    assert "\\begin{table}\n" in render(small, "latex")
    assert "\\begin{table*}\n" in render(large, "latex")


def test_decimal_points_and_plus_minus_signs_stand_below_each_other(make_record: Make, tmp_path: Path) -> None:
    values = {"a": (248, 29), "b": (9.7, 3.4), "c": (-1.04, 0.52), "d": (0.01, 0.8), "e": (1230, None)}
    # LPIPS has no best, so nothing is bold: bold digits are wider.
    records = [make_record("lpips", name, value, se) for name, (value, se) in values.items()]
    pdf, complaints = compile_fragment(render(build_table(records), "latex"), "iclr", tmp_path)
    assert complaints == []
    rows = {line[0][0]: line[1:] for line in lines_of(pdf) if line[0][0] in values}
    numbers = [rows[name][0] for name in values]
    assert [word for word, _, _ in numbers] == ["248", "9.7", "−1.04", "0.01", "1230"]
    digit = (numbers[0][2] - numbers[0][1]) / 3
    # The right edge, without the decimals; a point is 5/9 of a digit wide.
    points = [
        right - digit * len(word.partition(".")[2]) - (digit * 5 / 9 if "." in word else 0)
        for word, _, right in numbers
    ]
    assert points == pytest.approx([points[0]] * 5, abs=0.2)
    signs = [left for row in rows.values() for word, left, _ in row if word.startswith("±")]
    assert signs == pytest.approx([signs[0]] * 4, abs=0.1)


NASTY = r"""a|b_c%&$#{}~^\x[bold]<script>`*"'"""


def test_names_are_no_commands_and_letters_that_tex_lacks_are_printed_as_codes(
    make_record: Make, tmp_path: Path
) -> None:
    names = (NASTY, "Łódź naïve Größe", "自撮り", "ρ → 0.5", "*", "[x]")
    records = [make_record("kid", name, 0.1, dataset=NASTY, protocol={"name": NASTY}) for name in names]
    fragment = render(build_table(records), "latex")
    assert "% Some letters need XeLaTeX or LuaLaTeX" in fragment
    pdf, complaints = compile_fragment(fragment, "iclr", tmp_path)
    assert complaints == []
    assert {"U+81EA", "U+64AE", "U+308A"} <= {word for line in lines_of(pdf) for word, _, _ in line}


def test_special_letters_are_escaped() -> None:
    assert escape(NASTY) == (
        r"a\textbar{}b\_c\%\&\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}x"
        r"""{[}bold{]}\textless{}script\textgreater{}`{*}"'"""
    )
    assert escape("é ñ í Å ß ρ ± ≈") == r"""\'{e} \~{n} \'{\i} \r{A} \ss{} $\rho$ $\pm$ $\approx$"""
    assert escape("a中b") == r"a\ugbenchletters{中}{U+4E2D}b"


def test_published_numbers_stand_under_the_name_of_their_data_set(make_record: Make, tmp_path: Path) -> None:
    records = [
        make_record("kid", method, value, 0.01, dataset=dataset)
        for dataset in ("cat2dog", "horse2zebra", "mine")
        for method, value in (("ugatit", 0.2), ("cyclegan", 0.3))
    ]
    table = add_published(build_table(records, names=DisplayNames()), ["table3"])
    fragment = render(table, "latex")
    assert "{} & \\multicolumn{2}{c}{cat2dog} & \\multicolumn{2}{c}{horse2zebra} & {mine} \\\\" in fragment
    assert "\\\\\n\\cmidrule(lr){2-3}\n\\cmidrule(lr){4-5}\n{method} &" in fragment
    assert "{method} & {ours} & {table3} & {ours} & {table3} & {ours} \\\\" in fragment
    assert "CycleGAN & 30.0{\\,$\\pm$\\,1.0} & 8.92{\\,$\\pm$\\,0.69} &" in fragment
    assert compile_fragment(fragment, "icml", tmp_path)[1] == []


def test_several_metrics_are_several_floats_with_labels_of_their_own_and_the_notes_once(make_record: Make) -> None:
    records = [make_record(metric, name, 0.1, 0.01) for metric in ("kid", "fid") for name in ("cut", "unit")]
    table = build_table(records)
    text = render(table, "latex")
    assert re.findall(r"\\label\{(.*)\}", text) == ["tab:kid", "tab:fid"]
    assert text.count("\\begin{minipage}") == 1
    named = render(table, "latex", caption="Scores & more.", tex_label="tab:main")
    assert re.findall(r"\\caption\{(.*)\}", named) == [
        "Scores \\& more: KID $\\times$100 $\\downarrow$",
        "Scores \\& more: FID $\\downarrow$",
    ]
    assert re.findall(r"\\label\{(.*)\}", named) == ["tab:main-kid", "tab:main-fid"]
    (only,) = re.findall(r"\\label\{(.*)\}", render(build_table(records, ["kid"]), "latex", tex_label="tab:main"))
    assert only == "tab:main"


def test_lines_of_any_length_and_many_columns_never_leave_the_page(make_record: Make, tmp_path: Path) -> None:
    datasets = [f"a_very_long_name_of_a_data_set_{number}" for number in range(12)]
    records = [
        make_record("kid", name, 0.1, 0.01, dataset=dataset, protocol={"name": "x" * 300})
        for name in ("cut", "another_method_with_a_long_name")
        for dataset in datasets
    ]
    for conference in CONFERENCES:
        assert compile_fragment(render(build_table(records), "latex"), conference, tmp_path)[1] == []
