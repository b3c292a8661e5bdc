"""From the records of runs to measurements, and their means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.dial_study.design import SHAPE, TEXTURE, Arm
from benchmarks.dial_study.measurements import ErrorKey, RhoKey, gather, means
from benchmarks.dial_study.tests.made_records import Records, dataset_name, make_rho
from ugbench.errors import UsageError
from ugbench.scoring.record import ScoreRecord

MakeScore = Callable[..., ScoreRecord]


def test_records_become_values_by_setting_arm_and_seed(records: Records) -> None:
    measurements = gather(*records)
    assert len(measurements.rhos) == 4 * 3 * 8 * 2 and len(measurements.errors) == 3 * 5 * 8
    assert measurements.rhos[RhoKey(TEXTURE, "B2A", 1.0, 3)] == pytest.approx(0.706)
    assert measurements.errors[ErrorKey(SHAPE, Arm(False, 1.0), 3)] == pytest.approx(0.653)
    assert measurements.errors[ErrorKey(SHAPE, Arm(True, 0.5), 3)] == 0.6


def test_what_is_no_arm_or_no_error_of_this_study_is_not_read(records: Records, make_record: MakeScore) -> None:
    rhos, scores = records
    others = [
        make_record("changed", "ugatit", 9.0, variant="in", dataset=dataset_name(SHAPE), step=500),
        make_record("changed", "ugatit", 9.0, dataset=dataset_name(SHAPE), step=500),
        make_record("changed", "identity", 9.0, dataset=dataset_name(SHAPE)),
        make_record("changed", "ugatit", 9.0, variant="rho0", seed=50, step=500),
        make_record("iou", "ugatit", 9.0, variant="rho0", dataset=dataset_name(SHAPE), seed=50, step=500),
        make_record("changed", "ugatit", 9.0, variant="rho0", dataset=dataset_name(SHAPE), seed=3, step=400),
        scores[0].model_copy(update={"value": 9.0, "protocol": {**scores[0].protocol, "checkpoint": "validation: x"}}),
    ]
    assert gather(rhos, [*scores, *others]) == gather(rhos, scores)


def test_an_error_is_the_mean_of_both_directions_and_there_is_none_without_both(records: Records) -> None:
    rhos, scores = records
    key = ErrorKey(SHAPE, Arm(False, 0.0), 2)
    scores_of_key = [s for s in scores if (s.dataset, s.variant, s.seed) == (dataset_name(SHAPE), "rho0", 2)]
    others = [score for score in scores if score not in scores_of_key]
    a2b, b2a = scores_of_key
    b2a = b2a.model_copy(update={"value": a2b.value + 0.2})
    assert gather(rhos, [*others, a2b, b2a]).errors[key] == pytest.approx(a2b.value + 0.1)
    assert key not in gather(rhos, [*others, a2b]).errors


def test_of_several_records_of_one_run_the_newest_counts(records: Records) -> None:
    rhos, scores = records
    newer = make_rho(SHAPE, "rho-from-0", 2, 0.123)
    assert gather([*rhos, newer], scores).rhos[RhoKey(SHAPE, "A2B", 0.0, 2)] == 0.123


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "other"}, r"several data sets at shape 1, texture 0 \(dial-s1-t0-32, other\), so of several"),
        ({"step": 1000}, r"several numbers of steps \(1,000, 500\)"),
        ({"run": "b"}, r"several runs of rho-from-0, seed 2, at shape 1, texture 0"),
    ],
)
def test_records_of_two_studies_are_refused(records: Records, change: dict[str, Any], message: str) -> None:
    rhos, scores = records
    other = make_rho(SHAPE, "rho-from-0", 2, 0.3, **change)
    with pytest.raises(UsageError, match=message):
        gather([*rhos, other], scores)


def test_errors_of_two_protocols_or_two_runs_of_a_fixed_arm_are_refused(records: Records) -> None:
    rhos, scores = records
    fixed = next(score for score in scores if score.variant == "rho0")
    with pytest.raises(UsageError, match="several protocols of changed"):
        gather(rhos, [*scores, fixed.model_copy(update={"protocol_id": "other"})])
    with pytest.raises(UsageError, match="several runs of rho0, seed 0"):
        gather(rhos, [*scores, fixed.model_copy(update={"run": "other"})])


def test_means_over_seeds_stand_by_setting_and_arm(records: Records) -> None:
    rows = means(gather(*records))
    assert [row[:2] for row in rows[:4]] == [
        ("0, 0", "learnt from 0"),
        ("0, 0", "learnt from 0.5"),
        ("0, 0", "learnt from 1"),
        ("1, 0", "learnt from 0"),
    ]
    assert len(rows) == 3 + 3 * 5
    # The standard error over 0 to 7 thousandths is the root of 6/8 of one.
    assert rows[0][2:] == ("0.50350 ± 0.00087", "0.50350 ± 0.00087", "")
    assert rows[7] == ("1, 0", "fixed at 1", "", "", "0.65350 ± 0.00087")
