"""Which rows compete, who is bold, and what the caption says where somebody is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

import pytest

from ugbench.analysis.differences import DifferenceRecord
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.build import build_table
from ugbench.tables.columns.ranking import add_rankings
from ugbench.tables.formats import render
from ugbench.tables.image_notes import ALONE
from ugbench.tables.model import Table

Make = Callable[..., ScoreRecord]

OPEN = (
    "nothing is bold, because these scores compare at equal numbers of images only, and no numbers are the most common"
)


def bold(table: Table, metric: str = "fid") -> list[str]:
    return [row.label for row in table.rows if row.cells[metric].best]


def contest_notes(table: Table) -> list[str]:
    return [note for note in table.notes if " on dial A2B: " in note or note == ALONE]


@pytest.fixture
def make_record(make_record: Make) -> Make:
    """A record over enough images for FID to be compared at all."""
    return partial(make_record, **{"n_fake": 2100, "n_real": 2100})


@pytest.fixture
def scored(make_record: Make) -> Callable[..., Table]:
    """scored({method: (value, number of outputs)}, metric): the table of these scores, against 2100 references."""

    def make(scores: Mapping[str, tuple[float, int]], metric: str = "fid") -> Table:
        return build_table([make_record(metric, name, value, n_fake=n) for name, (value, n) in scores.items()])

    return make


def test_with_2050_images_against_2049_nothing_is_bold_and_a_note_says_why(scored: Callable[..., Table]) -> None:
    table = scored({"cut": (109.1, 2050), "ugatit": (52.0, 2049)})
    assert bold(table) == []
    assert all(row.cells["fid"].tied_with_best is None for row in table.rows)
    assert contest_notes(table) == [
        f"fid on dial A2B: {OPEN}: 2050 outputs against 2100 references (cut), "
        "2049 outputs against 2100 references (ugatit)."
    ]


def test_with_2100_2099_and_2098_images_nothing_is_bold(scored: Callable[..., Table]) -> None:
    table = scored({"unit": (50.0, 2098), "cut": (60.0, 2100), "ugatit": (55.0, 2099)})
    assert bold(table) == []
    assert contest_notes(table) == [
        f"fid on dial A2B: {OPEN}: 2100 outputs against 2100 references (cut), "
        "2099 outputs against 2100 references (ugatit), 2098 outputs against 2100 references (unit)."
    ]


def test_two_rows_at_each_of_two_numbers_have_no_best_whatever_their_names(scored: Callable[..., Table]) -> None:
    for first, second in ((2100, 2099), (2099, 2100)):
        table = scored({"a": (50.0, first), "b": (51.0, second), "c": (52.0, first), "d": (53.0, second)})
        assert bold(table) == []


def test_three_rows_of_2100_compete_without_one_of_2099(scored: Callable[..., Table]) -> None:
    table = scored({"cut": (60.0, 2100), "ugatit": (61.0, 2100), "acme": (62.0, 2100), "unit": (50.0, 2099)})
    assert bold(table) == ["cut"]
    assert contest_notes(table) == [
        "fid on dial A2B: only rows with 2100 outputs against 2100 references compete, the most common numbers of "
        "images; left out: 2099 outputs against 2100 references (unit)."
    ]


@pytest.mark.parametrize("metric", ["fid", "kid", "precision"])
def test_one_competitor_is_not_bold(make_record: Make, metric: str) -> None:
    records = [make_record(metric, "identity", 0.9), make_record(metric, "cut", 0.5), make_record(metric, "real", 0.1)]
    table = build_table(records)
    assert bold(table, metric) == []
    assert contest_notes(table) == [ALONE]
    rows = json.loads(render(table, "json"))["rows"]
    assert [(row["cells"][metric]["best"], row["cells"][metric]["tied_with_best"]) for row in rows] == [
        (False, None)
    ] * 3


@pytest.mark.parametrize("metric", ["fid", "precision"])
def test_with_under_2048_images_no_fid_is_the_best_and_none_is_marked(make_record: Make, metric: str) -> None:
    records = [make_record(metric, name, value, n_real=2047) for name, value in (("cut", 52.0), ("ugatit", 109.1))]
    table = build_table(records)
    assert bold(table, metric) == []
    assert {(row.cells[metric].tied_with_best, row.cells[metric].too_few) for row in table.rows} == {(None, False)}
    assert (
        f"{metric}: no row with under 2,048 images per set is called the best; it is mostly bias, which differs "
        "between rows."
    ) in table.notes


def test_a_kid_of_under_50_images_is_not_the_best(make_record: Make) -> None:
    values = {"cut": (0.1, 49), "ugatit": (0.2, 50), "unit": (0.3, 60)}
    table = build_table([make_record("kid", name, value, 0.01, n_fake=n) for name, (value, n) in values.items()])
    assert bold(table, "kid") == ["ugatit"]
    assert "kid: no row with under 50 images per set is called the best; it is too uncertain for that." in table.notes


def test_rows_of_equal_values_are_all_bold(scored: Callable[..., Table]) -> None:
    table = scored({"cut": (60.0, 2100), "ugatit": (60.0, 2100), "unit": (60.0, 2100)})
    assert bold(table) == ["cut", "ugatit", "unit"]
    assert contest_notes(table) == []


def test_kid_does_not_depend_on_the_number_and_competes_at_any(scored: Callable[..., Table]) -> None:
    table = scored({"cut": (0.2, 100), "unit": (0.1, 86)}, "kid")
    assert bold(table, "kid") == ["unit"]
    assert contest_notes(table) == []


def test_metrics_with_the_same_sentence_share_it(make_record: Make) -> None:
    table = build_table(
        [
            make_record(metric, method, 0.5, n_fake=n)
            for metric in ("fid", "precision")
            for method, n in (("cut", 2050), ("ugatit", 2049))
        ]
    )
    assert [note.partition(":")[0] for note in contest_notes(table)] == ["fid and precision on dial A2B"]


def test_a_row_whose_seeds_have_different_numbers_competes_with_no_other(make_record: Make) -> None:
    mixed = [
        make_record("fid", name, 40.0, seed=seed, n_fake=n)
        for name in ("a", "b")
        for seed, n in enumerate((2100, 2099))
    ]
    table = build_table([*mixed, make_record("fid", "cut", 60.0), make_record("fid", "unit", 61.0)])
    assert bold(table) == ["cut"]
    assert contest_notes(table) == [
        "fid on dial A2B: only rows with 2100 outputs against 2100 references compete, the most common numbers of "
        "images; left out: numbers that are not known or differ between seeds (a, b)."
    ]
    assert bold(build_table(mixed)) == []


def test_a_row_aside_of_other_numbers_is_named(make_record: Make) -> None:
    records = [make_record("fid", method, 60.0) for method in ("cut", "ugatit")]
    table = build_table([*records, make_record("fid", "real", 20.0, n_fake=2047)])
    assert contest_notes(table) == [
        "fid on dial A2B: real has 2047 outputs against 2100 references, so its score does not compare with rows of "
        "other numbers."
    ]


def test_rankings_leave_out_blocks_without_common_numbers(make_record: Make) -> None:
    records = [
        make_record("fid", method, value, dataset=dataset, n_fake=n)
        for dataset, numbers in (("cats", (2100, 2100)), ("dial", (2100, 2099)), ("dogs", (2050, 2050)))
        for method, value, n in zip(("cut", "ugatit"), (60.0, 61.0), numbers, strict=True)
    ]
    (ranking,) = add_rankings(build_table(records)).rankings
    assert ranking.blocks == ("cats A2B", "dogs A2B")


def difference(first: str, second: str, value: float, n: int) -> DifferenceRecord:
    return DifferenceRecord(
        **{"dataset": "dial", "direction": "A2B", "metric": "kid", "protocol_id": "kid-alexnet"},  # type: ignore[arg-type]
        **{"first": first, "first_step": 1000, "second": second, "second_step": 1000},  # type: ignore[arg-type]
        **{"value": value, "se": 0.01, "unpaired_se": 1.0, "n": n, "n_real": 100},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("value", "n", "winners"), [(0.02, 86, []), (-0.02, 86, ["unit"]), (0.02, 2100, ["unit"])])
def test_no_bold_contradicts_the_difference_on_the_common_sources(
    make_record: Make, order: int, value: float, n: int, winners: list[str]
) -> None:
    """`value` is KID of unit minus KID of cut on n common sources; over its own 86 outputs unit has the lower KID."""
    records = [
        make_record("kid", "cut", 0.2, 0.01, run="c"),
        make_record("kid", "unit", 0.19, 0.01, run="u", n_fake=86),
    ]
    names = ("u", "c")[::order]
    table = build_table(records, differences=[difference(*names, order * value, n)])
    assert bold(table, "kid") == winners
    sentence = (
        "kid on dial A2B: nothing is bold, because unit has the best score over all its own outputs, but cut has a "
        "better one on the 86 sources that both have translated."
    )
    assert (sentence in table.notes) == (winners == [])


def test_a_difference_at_an_earlier_step_is_no_objection(make_record: Make) -> None:
    records = [
        make_record("kid", "cut", 0.2, 0.01, run="c", step=2000),
        make_record("kid", "unit", 0.19, 0.01, run="u", n_fake=86),
    ]
    assert bold(build_table(records, differences=[difference("u", "c", 0.02, 86)]), "kid") == ["unit"]
