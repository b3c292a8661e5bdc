import statistics
from collections import Counter

import pytest

from ugbench import registry
from ugbench.errors import UnknownName
from ugbench.published.tables import PublishedTable, published_names, published_tables

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

# Typed a second time from the README files. Columns: reported, reproduced, clean-FID; None where there is a dash.
CLEANFID = {
    ("horse2zebra", "cut", None): (45.5, 45.51, 43.71),
    ("horse2zebra", "distance", None): (72.0, 71.97, 71.01),
    ("horse2zebra", "cut", "fastcut"): (73.4, 73.38, 72.53),
    ("horse2zebra", "cyclegan", None): (77.2, 77.20, 75.17),
    ("horse2zebra", "selfdistance", None): (80.8, 80.78, 79.28),
    ("horse2zebra", "gcgan", None): (86.7, 85.86, 83.65),
    ("horse2zebra", "munit", None): (133.8, None, 120.48),
    ("horse2zebra", "drit", None): (140.0, None, 99.56),
    ("cat2dog", "cut", None): (76.2, 76.21, 77.58),
    ("cat2dog", "cut", "fastcut"): (94.0, 93.95, 95.37),
    ("cat2dog", "gcgan", None): (96.6, 96.61, 96.49),
    ("cat2dog", "munit", None): (104.4, None, 123.73),
    ("cat2dog", "drit", None): (123.4, None, 127.21),
    ("cat2dog", "selfdistance", None): (144.4, 144.42, 147.23),
    ("cat2dog", "distance", None): (155.3, 155.34, 158.39),
}
# FID of the official models and of those that mmgeneration trained, then Inception scores in the same order.
MMGENERATION = {
    ("facades", "A2B", None): (123.626, 124.8033, 1.638, 1.792),
    ("facades", "A2B", "id0"): (119.726, 125.1694, 1.697, 1.905),
    ("summer2winter", "A2B", None): (77.342, 83.7177, 2.762, 2.771),
    ("summer2winter", "A2B", "id0"): (76.773, 83.1418, 2.750, 2.720),
    ("summer2winter", "B2A", None): (72.631, 72.8025, 3.293, 3.129),
    ("summer2winter", "B2A", "id0"): (74.239, 73.5001, 3.110, 3.107),
    ("horse2zebra", "A2B", None): (62.111, 64.5225, 1.375, 1.418),
    ("horse2zebra", "A2B", "id0"): (77.202, 74.7770, 1.584, 1.542),
    ("horse2zebra", "B2A", None): (138.646, 141.1517, 3.186, 3.154),
    ("horse2zebra", "B2A", "id0"): (137.050, 134.3728, 3.047, 3.091),
}
EVERY_TABLE = [table for name in published_names() for table in published_tables(name)]


def published_table(name: str) -> PublishedTable:
    """The table with this name, where the name means one table."""
    (table,) = published_tables(name)
    return table


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


def test_cleanfid_has_the_three_columns_of_its_readme_and_no_cell_for_a_dash() -> None:
    tables = published_tables("cleanfid")
    assert [table.name for table in tables] == ["cleanfid-reported", "cleanfid-reproduced", "cleanfid-clean"]
    for column, table in enumerate(tables):
        printed = {(cell.dataset, cell.method, cell.variant): cell.printed for cell in table.cells}
        assert printed == {row: texts[column] for row, texts in CLEANFID.items() if texts[column] is not None}
        assert {cell.direction for cell in table.cells} == {"A2B"}
        assert {cell.spread for cell in table.cells} == {None}


def test_mmgeneration_has_fid_and_inception_score_of_official_models_and_of_its_own() -> None:
    tables = published_tables("mmgeneration")
    names = ("official", "trained", "official-is", "trained-is")
    assert [table.name for table in tables] == [f"mmgeneration-{name}" for name in names]
    assert [table.metric for table in tables] == ["fid", "fid", "inception-score", "inception-score"]
    for column, table in enumerate(tables):
        printed = {(cell.dataset, cell.direction, cell.variant): cell.printed for cell in table.cells}
        assert printed == {row: texts[column] for row, texts in MMGENERATION.items()}
        assert {cell.method for cell in table.cells} == {"cyclegan"}


def test_the_means_that_mmgeneration_prints_are_those_of_its_cells() -> None:
    for table, mean in zip(published_tables("mmgeneration"), (95.935, 97.79, 2.444, 2.462), strict=True):
        # The source rounds some of its means and truncates others.
        last_digit = 0.01 if mean == 97.79 else 0.001
        assert statistics.mean(cell.printed for cell in table.cells) == pytest.approx(mean, abs=last_digit)


def test_one_method_has_two_fids_depending_on_the_source() -> None:
    place = ("horse2zebra", "A2B", "cyclegan")
    texts = [table.text(table.cell(*place)) for table in EVERY_TABLE if table.metric == "fid" and table.cell(*place)]  # type: ignore[arg-type]
    assert texts == ["77.2", "77.20", "75.17", "62.111", "64.5225"]


def test_fids_and_inception_scores_are_raw_as_they_are_printed() -> None:
    for table in (*published_tables("cleanfid"), *published_tables("mmgeneration")):
        assert [cell.value for cell in table.cells] == [cell.printed for cell in table.cells]
        low, high = (40, 160) if table.metric == "fid" else (1, 4)
        assert all(low < cell.value < high for cell in table.cells)


def test_a_protocol_says_the_numbers_of_images_and_who_computed_and_what_is_not_stated() -> None:
    (reported, _, clean) = published_tables("cleanfid")
    assert reported.protocol is not None and clean.protocol is not None
    assert clean.protocol.images == {"horse2zebra A2B": (120, 140), "cat2dog A2B": (500, 500)}
    assert reported.protocol.computed_by == "Park et al., the authors of CUT"
    assert "PIL's bicubic" in str(clean.protocol.resize) and "not antialiased" in str(reported.protocol.resize)
    assert clean.protocol.text({"horse2zebra A2B"}).endswith(
        "horse2zebra A2B: 120 outputs, 140 references; not stated: version"
    )
    assert "cat2dog" not in clean.protocol.text({"horse2zebra A2B"})
    score = published_table("mmgeneration-official-is").protocol
    assert score is not None and score.text({"horse2zebra B2A"}).endswith("horse2zebra B2A: 120 outputs")


def test_a_protocol_that_nobody_stated_is_said_to_be_missing() -> None:
    protocol = published_table("table3").protocol
    assert protocol is not None
    assert protocol.text({"cat2dog A2B"}) == (
        "computed by the authors of U-GAT-IT; "
        "not stated: package, version, extractor, resize, format, references, numbers of images"
    )
    assert published_table("table2").protocol is None


@pytest.mark.parametrize("table", EVERY_TABLE, ids=lambda table: table.name)
def test_every_table_names_its_page_and_says_that_it_does_not_compare(table: PublishedTable) -> None:
    assert table.source and table.url.startswith("https://")
    assert "Not comparable" in table.notes[0]
    places = [(cell.dataset, cell.direction, cell.method, cell.variant) for cell in table.cells]
    assert len(set(places)) == len(places)
    if table.protocol is not None and table.protocol.images:
        assert set(table.protocol.images) == {f"{cell.dataset} {cell.direction}" for cell in table.cells}


def test_publications_are_known_by_name_and_the_paper_s_protocol_is_said_to_be_undetermined() -> None:
    assert published_names() == ("cleanfid", "mmgeneration", "remeasured", "table1", "table2", "table3")
    for name in ("table1", "table3"):
        assert "ICLR 2020" in published_table(name).source
        assert "protocol is undetermined" in published_table(name).notes[0]


def test_what_a_table_leaves_open_is_no_cell_and_an_unknown_table_is_offered_a_near_name() -> None:
    assert published_table("table3").cell("cat2dog", "A2B", "cartoongan") is None
    with pytest.raises(UnknownName, match="did you mean 'table3'"):
        published_tables("tabel3")
    with pytest.raises(UnknownName, match="did you mean 'cleanfid-clean'"):
        published_tables("cleanfid-claen")


def test_an_unknown_name_lists_each_known_name_once() -> None:
    with pytest.raises(UnknownName) as error:
        published_tables("nope")
    assert str(error.value).count("table1") == 1
