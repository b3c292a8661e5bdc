"""An ablation: a row for each variant, a column for each direction, and the paper's numbers in columns of their own."""

from __future__ import annotations

from collections.abc import Callable

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.ablation import ablation_table
from ugbench.tables.build import build_table

Make = Callable[..., ScoreRecord]


def test_each_variant_has_a_row_each_direction_a_column_and_table_1_stands_beside_them(make_record: Make) -> None:
    records = [
        make_record("kid", "ugatit", 0.10, 0.01),
        make_record("kid", "ugatit", 0.12, 0.01, variant="no-cam"),
        make_record("kid", "ugatit", 0.20, 0.01, direction="B2A"),
        make_record("kid", "cyclegan", 0.30, 0.01),
        make_record("fid", "ugatit", 60.0),
    ]
    ablation = ablation_table(build_table(records), "ugatit")
    assert ablation.header == (
        *("variant", "KID x100 ↓ dial A2B", "KID x100 ↓ dial B2A"),
        *("table1 selfie2anime A2B", "table1 selfie2anime B2A"),
    )
    assert ablation.rows == (
        ("full", "10.0 ± 1.0", "20.0 ± 1.0", "11.61 ± 0.57", "11.52 ± 0.57"),
        ("no-cam", "12.0 ± 1.0", "", "12.85 ± 0.82", "14.06 ± 0.75"),
    )
    assert any("protocol is undetermined" in note for note in ablation.notes)


def test_a_method_that_no_paper_ablated_has_no_published_columns(make_record: Make) -> None:
    ablation = ablation_table(build_table([make_record("kid", "cyclegan", 0.30, 0.01)]), "cyclegan")
    assert ablation.header == ("variant", "KID x100 ↓ dial A2B")
    assert ablation.rows == (("full", "30.0 ± 1.0"),)
    assert ablation.notes == ()
