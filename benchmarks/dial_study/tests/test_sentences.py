"""The verdict in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from benchmarks.dial_study.design import SHAPE
from benchmarks.dial_study.measurements import gather
from benchmarks.dial_study.rho_records import RhoRecord
from benchmarks.dial_study.sentences import sentences
from benchmarks.dial_study.tests.made_records import Records, dataset_name
from benchmarks.dial_study.verdict import judge


def sentences_of(
    records: Records, change: Callable[[RhoRecord], float] = lambda rho: rho.value, error: float = 0.0
) -> list[str]:
    """The sentences, with other rhos and with `error` added to every error."""
    rhos = [rho.model_copy(update={"value": change(rho)}) for rho in records[0]]
    scores = [score.model_copy(update={"value": score.value + error}) for score in records[1]]
    return sentences(judge(gather(rhos, scores)))


def test_the_verdict_is_told_with_its_figures(records: Records) -> None:
    lines = sentences_of(records)
    assert lines[:2] == [
        "Does rho adapt? Adapts: it ends higher where texture alone changes than where shape alone does, as the paper "
        "says.",
        "Does learning rho pay? Pays: less error is left than with rho fixed at 0 and at 1, by more than 0.02 each.",
    ]
    assert lines[2] == (
        "Rho at shape 1, texture 0, from 0.5 minus from 0: 0.000 [0.000, 0.000]; shown to lie within ±0.1 (p 0)."
    )
    assert lines[8].startswith(
        "Rho in the placebo, of A to B minus of B to A: 0.000 [0.000, 0.000]; shown to lie within ±"
    )
    assert re.fullmatch(
        r"Rho at shape 0, texture 1 minus rho at shape 1, texture 0: 0\.403 \[0\.401, 0\.406\]; shown to be beyond "
        r"±0\.1 \(p \S+ after Holm\)\.",
        lines[9],
    )
    assert re.fullmatch(
        r"Error left with the learnt rho minus error left with rho fixed at 0: -0\.054 \[-0\.056, -0\.051\]; "
        r"shown to be below -0\.02 \(p \S+ after Holm\)\.",
        lines[10],
    )
    assert lines[12].startswith("In brackets: 95 % t intervals over 8 seeds. Within a margin: the larger p of two")
    content = json.loads(json.dumps(judge(gather(*records)).to_json()))
    assert content["pays"]["1"]["margin"] == 0.02 and content["meetings"][0]["setting"] == [1, 0]


def test_a_rho_that_adapts_the_other_way_is_said_to_speak_against_the_paper(records: Records) -> None:
    assert sentences_of(records, lambda rho: 1 - rho.value)[0] == (
        "Does rho adapt? Adapts: it ends lower where texture alone changes than where shape alone does, against what "
        "the paper says."
    )


def test_one_that_ends_alike_is_said_to_be_no_more_than_a_shaken_one_would(records: Records) -> None:
    assert sentences_of(records, lambda rho: 0.5 + 0.001 * rho.seed)[0].endswith(
        "so would a rho that its rate shakes over all of [0, 1]."
    )


def test_where_rho_is_not_identified_nothing_is_claimed_of_where_it_ends(records: Records) -> None:
    lines = sentences_of(records, lambda rho: rho.value + 0.3 * rho.start)
    assert lines[0] == (
        "Does rho adapt? Not identified: at shape 1, texture 0 and at shape 0, texture 1 rho is not shown to end at "
        "one place wherever it starts."
    )
    assert lines[2].endswith("0.150 [0.150, 0.150]; not shown to lie within ±0.1 (p 1, 90 % interval [0.150, 0.150]).")
    assert lines[9].endswith("texture 0: 0.403 [0.401, 0.406]; not tested, since rho is not identified.")
    assert "below -0.02" in lines[10]


def test_a_placebo_that_fails_alone_is_named_alone(records: Records) -> None:
    lines = sentences_of(records, lambda rho: rho.value + (0.2 if rho.direction == "B2A" else 0))
    assert lines[0] == (
        "Does rho adapt? Not identified: in the placebo the two generators' rhos are not shown to end alike."
    )


def test_where_nothing_was_learnt_nothing_is_claimed_of_errors(records: Records) -> None:
    lines = sentences_of(records, error=0.5)
    assert lines[1].startswith("Does learning rho pay? Not learnt:")
    assert lines[10].endswith(
        "rho fixed at 0: -0.053 [-0.056, -0.051]; not tested, since nothing was learnt at "
        "shape 1, texture 0 and at shape 0, texture 1."
    )
    assert "beyond ±0.1" in lines[9]


def test_a_fixed_rho_that_leaves_less_error_is_not_said_to_be_within_a_margin_of_it(records: Records) -> None:
    rhos, scores = records
    better = [
        score.model_copy(update={"value": 0.3 + 0.01 * score.seed}) if score.variant == "rho0" else score
        for score in scores
    ]
    lines = sentences(judge(gather(rhos, better)))
    assert lines[1] == (
        "Does learning rho pay? Does not pay: with rho fixed at 0, at most 0.02 more error is left than with the "
        "learnt one."
    )
    assert "]; shown not to be below -0.02 (p " in lines[10]
    assert "]; shown to be below -0.02 (p " in lines[11]


def test_seeds_that_lack_a_run_are_named_and_too_few_claim_nothing(records: Records) -> None:
    rhos, scores = records
    rhos = [
        rho
        for rho in rhos
        if not (rho.seed in (2, 5) and rho.variant == "rho-from-0" and rho.dataset == dataset_name(SHAPE))
    ]
    lines = sentences(judge(gather(rhos, scores, range(9))))
    assert lines[0] == "Does rho adapt? Not testable: 6 whole seeds, and 7 are needed."
    assert lines[2] == "Left out, since a run or a score of theirs is missing: seeds 2, 5, 8."
    assert not [line for line in lines[3:-1] if "(p" in line or "within" in line or "below" in line or "beyond" in line]
