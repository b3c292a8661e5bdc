from collections import Counter

import pytest

from ugbench import registry
from ugbench.errors import UnknownName
from ugbench.published.tables import published_names, published_table

DATASETS = {"selfie2anime", "horse2zebra", "cat2dog", "photo2portrait", "photo2vangogh"}
METHODS = {"ugatit", "cyclegan", "unit", "munit", "drit", "aggan"}

# Typed a second time, apart from the files: printed value, ±.
CELLS = {
    ("table3", "selfie2anime", "A2B", "ugatit", None): (11.61, 0.57),
    ("table3", "selfie2anime", "A2B", "cartoongan", None): (15.85, 0.69),
    ("table3", "horse2zebra", "A2B", "munit", None): (11.41, 0.83),
    ("table3", "photo2portrait", "A2B", "unit", None): (1.20, 0.31),
    ("table3", "photo2vangogh", "A2B", "aggan", None): (6.95, 0.33),
    ("table3", "cat2dog", "B2A", "ugatit", None): (8.15, 0.66),
    ("table3", "selfie2anime", "B2A", "unit", None): (26.32, 0.92),
    ("table3", "photo2vangogh", "B2A", "cyclegan", None): (4.68, 0.36),
    ("table3", "horse2zebra", "B2A", "drit", None): (10.98, 0.55),
    ("table1", "selfie2anime", "A2B", "ugatit", None): (11.61, 0.57),
    ("table1", "selfie2anime", "A2B", "ugatit", "in"): (13.64, 0.76),
    ("table1", "selfie2anime", "A2B", "ugatit", "no-dcam"): (12.49, 0.74),
    ("table1", "selfie2anime", "B2A", "ugatit", "adain"): (11.81, 0.77),
    ("table1", "selfie2anime", "B2A", "ugatit", "no-cam"): (14.06, 0.75),
    ("table2", "selfie2anime", "A2B", "ugatit", None): (73.15, None),
    ("table2", "photo2portrait", "A2B", "unit", None): (32.11, None),
    ("table2", "photo2vangogh", "A2B", "drit", None): (9.70, None),
    ("remeasured", "selfie2anime", "A2B", "ugatit", None): (2.72, 0.54),
}


@pytest.mark.parametrize(("place", "wanted"), CELLS.items(), ids=lambda part: "-".join(map(str, part)))
def test_cells_are_what_the_paper_prints_and_raw_they_are_a_hundredth(
    place: tuple[str, str, str, str, str | None], wanted: tuple[float, float | None]
) -> None:
    cell = published_table(place[0]).cell(*place[1:])
    assert cell is not None
    assert (cell.printed, cell.spread) == wanted
    assert cell.value == pytest.approx(wanted[0] / 100)
    assert cell.value_spread == (None if wanted[1] is None else pytest.approx(wanted[1] / 100))


def test_table_3_has_six_methods_both_ways_on_five_data_sets_and_cartoongan_once() -> None:
    table = published_table("table3")
    places = Counter((cell.method, cell.dataset, cell.direction) for cell in table.cells)
    ways = {(m, d, way): 1 for m in METHODS for d in DATASETS for way in ("A2B", "B2A")}
    assert places == {**ways, ("cartoongan", "selfie2anime", "A2B"): 1}
    assert (table.metric, table.unit, table.scale) == ("kid", "KID x100", 0.01)


def test_table_1_has_every_ablation_both_ways_under_the_names_of_our_variants() -> None:
    cells = published_table("table1").cells
    ours = set(registry.load_method("ugatit").VARIANTS) - {"full"}
    printed = {cell.variant for cell in cells}
    assert printed == {None, "in", "ln", "adain", "gn", "no-cam", "no-gcam", "no-dcam"}
    assert printed - {None} <= ours
    places = Counter((cell.dataset, cell.direction, cell.variant) for cell in cells)
    assert places == {("selfie2anime", way, variant): 1 for way in ("A2B", "B2A") for variant in printed}


def test_table_2_shares_add_up_to_a_whole_in_each_data_set() -> None:
    table = published_table("table2")
    assert {cell.method for cell in table.cells} == METHODS - {"aggan"}
    assert {cell.direction for cell in table.cells} == {"A2B"}
    assert table.metric == "preference"
    for dataset in DATASETS:
        shares = [cell.value for cell in table.cells if cell.dataset == dataset]
        assert len(shares) == 5 and sum(shares) == pytest.approx(1, abs=2e-4)


def test_tables_1_and_3_agree_where_they_print_the_same_model() -> None:
    for way in ("A2B", "B2A"):
        assert published_table("table1").cell("selfie2anime", way, "ugatit") == published_table("table3").cell(
            "selfie2anime", way, "ugatit"
        )


def test_every_table_names_its_source_and_says_that_it_does_not_compare() -> None:
    assert published_names() == ("remeasured", "table1", "table2", "table3")
    for name in published_names():
        table = published_table(name)
        assert table.name == name and ("ICLR 2020" in table.source or name == "remeasured")
        assert "Not comparable" in table.note
    for name in ("table1", "table3"):
        assert "protocol is undetermined" in published_table(name).note


def test_what_a_table_leaves_open_is_no_cell_and_an_unknown_table_is_offered_a_near_name() -> None:
    assert published_table("table3").cell("cat2dog", "A2B", "cartoongan") is None
    with pytest.raises(UnknownName, match="did you mean 'table3'"):
        published_table("tabel3")
