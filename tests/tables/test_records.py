"""Which records a table of some of the runs has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ugbench.errors import UsageError
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.records import of_runs

Make = Callable[..., ScoreRecord]


def test_references_stay_under_the_protocols_of_the_chosen_runs_alone(make_record: Make) -> None:
    small, large = {"protocol_id": "kid-32"}, {"protocol_id": "kid-64"}
    chosen = make_record("kid", "cut", 0.3, run="c", **small)
    same, other = (make_record("kid", "identity", 0.9, run="identity", **size) for size in (small, large))
    elsewhere = make_record("kid", "real", 0.0, run="real", **small, direction="B2A")
    records = [chosen, same, other, elsewhere, make_record("kid", "ugatit", 0.2, run="u", **large)]
    assert of_runs(records, {"c"}) == [chosen, same]
    with pytest.raises(UsageError, match="none of the chosen runs has a score"):
        of_runs(records, {"x"})
