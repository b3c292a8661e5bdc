"""The layout of an ablation: variants down, directions across, the paper's numbers in columns of their own."""

from __future__ import annotations

from collections.abc import Callable

from ugbench.scoring.record import ScoreRecord
from ugbench.tables.ablation import ablation
from ugbench.tables.build import build_table

Make = Callable[..., ScoreRecord]


def test_a_row_a_variant_a_column_a_direction_and_table_1_beside(make_record: Make) -> None:
    records = [
        make_record("kid", "ugatit", 0.10, 0.01),
        make_record("kid", "ugatit", 0.12, 0.01, variant="no-cam"),
        make_record("kid", "ugatit", 0.20, 0.01, direction="B2A"),
        make_record("kid", "cyclegan", 0.30, 0.01),
        make_record("fid", "ugatit", 60.0),
    ]
    own = ablation(build_table(records), "ugatit")
    assert own.header == (
        *("variant", "KID x100 ↓ dial A2B", "KID x100 ↓ dial B2A"),
        *("table1 selfie2anime A2B", "table1 selfie2anime B2A"),
    )
    assert own.rows == (
        ("full", "10.0 ± 1.0", "20.0 ± 1.0", "11.61 ± 0.57", "11.52 ± 0.57"),
        ("no-cam", "12.0 ± 1.0", "", "12.85 ± 0.82", "14.06 ± 0.75"),
    )
    assert any("protocol is undetermined" in note for note in own.notes)


def test_a_method_that_no_paper_ablated_has_no_published_columns(make_record: Make) -> None:
    own = ablation(build_table([make_record("kid", "cyclegan", 0.30, 0.01)]), "cyclegan")
    assert own.header == ("variant", "KID x100 ↓ dial A2B")
    assert own.rows == (("full", "30.0 ± 1.0"),)
    assert own.notes == ()
