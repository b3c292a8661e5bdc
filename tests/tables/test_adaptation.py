"""From records to a study, its verdict in words and its figure; records and runs made by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ugbench.data.dataset_names import resolve
from ugbench.errors import RunError, UsageError
from ugbench.figures import _style, dial
from ugbench.figures._context import FigureContext
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord
from ugbench.statistics.adaptation import SHAPE, TEXTURE, Error, Rho, Setting
from ugbench.tables import rho_records, rho_verdict
from ugbench.tables.rho_records import RhoRecord

STARTS = {"rho-from-0": 0.0, "rho-from-05": 0.5, "rho-from-1": 1.0}
FIXED = {"rho0": 0.0, "adain": 1.0}
SETTINGS = [Setting(0, 0), Setting(1, 0), Setting(0, 1), Setting(1, 1)]
MakeScore = Callable[..., ScoreRecord]


def rho(setting: Setting, variant: str, seed: int, value: float, direction: str = "A2B", **changes: Any) -> RhoRecord:
    fields = {
        "run": f"{setting}{variant}{seed}",
        "dataset": name(setting),
        "shape": setting.shape,
        "texture": setting.texture,
        "direction": direction,
        "method": "ugatit",
        "variant": variant,
        "seed": seed,
        "step": 500,
        "start": STARTS[variant],
        "value": value,
        "layers": {"rho/a": value},
    }
    return RhoRecord(**{**fields, **changes})


def name(setting: Setting) -> str:
    return f"dial-s{setting.shape:g}-t{setting.texture:g}-32"


def ends(setting: Setting, seed: int) -> float:
    """0.4 higher where texture alone changes than where shape alone does."""
    return 0.5 + 0.2 * (setting.texture - setting.shape) + 0.001 * seed * (1 + setting.texture)


@pytest.fixture
def whole(make_record: MakeScore) -> tuple[list[RhoRecord], list[ScoreRecord]]:
    """Eight seeds of a rho that adapts and pays by 0.05."""
    rhos = [
        rho(s, variant, seed, ends(s, seed), way)
        for s, variant, seed, way in product(SETTINGS, STARTS, range(8), ("A2B", "B2A"))
    ]
    scores = [
        make_record(
            "changed",
            "ugatit",
            0.6 + (0.05 + 0.001 * seed if variant in FIXED else 0.0),
            variant=variant,
            seed=seed,
            dataset=name(s),
            direction=way,
            step=500,
            run=f"{s}{variant}{seed}",
        )
        for s, variant, seed, way in product(SETTINGS[1:], [*STARTS, *FIXED], range(8), ("A2B", "B2A"))
    ]
    return rhos, scores


def test_records_become_values_by_setting_arm_and_seed(whole: Any) -> None:
    study = rho_verdict.gather(*whole, "ugatit")
    assert len(study.rhos) == 4 * 3 * 8 * 2 and len(study.errors) == 3 * 5 * 8
    assert study.rhos[Rho(TEXTURE, "B2A", 1.0, 3)] == pytest.approx(0.706)
    assert study.errors[Error(SHAPE, False, 1.0, 3)] == pytest.approx(0.653)
    assert study.errors[Error(SHAPE, True, 0.5, 3)] == 0.6


def test_what_is_no_arm_or_no_error_of_this_study_is_not_read(whole: Any, make_record: MakeScore) -> None:
    rhos, scores = whole
    others = [
        make_record("changed", "ugatit", 9.0, variant="in", dataset=name(SHAPE), step=500),
        make_record("changed", "ugatit", 9.0, dataset=name(SHAPE), step=500),
        make_record("changed", "identity", 9.0, dataset=name(SHAPE)),
        make_record("changed", "ugatit", 9.0, variant="rho0", seed=50, step=500),
        make_record("iou", "ugatit", 9.0, variant="rho0", dataset=name(SHAPE), seed=50, step=500),
        make_record("changed", "ugatit", 9.0, variant="rho0", dataset=name(SHAPE), seed=3, step=400),
        scores[0].model_copy(update={"value": 9.0, "protocol": {**scores[0].protocol, "checkpoint": "validation: x"}}),
    ]
    assert rho_verdict.gather(rhos, [*scores, *others], "ugatit") == rho_verdict.gather(rhos, scores, "ugatit")


def test_an_error_is_the_mean_of_both_directions_and_there_is_none_without_both(whole: Any) -> None:
    rhos, scores = whole
    key = Error(SHAPE, False, 0.0, 2)
    own = [s for s in scores if (s.dataset, s.variant, s.seed) == (name(SHAPE), "rho0", 2)]
    others = [s for s in scores if s not in own]
    there, back = own
    back = back.model_copy(update={"value": there.value + 0.2})
    found = rho_verdict.gather(rhos, [*others, there, back], "ugatit").errors
    assert found[key] == pytest.approx(there.value + 0.1)
    assert key not in rho_verdict.gather(rhos, [*others, there], "ugatit").errors


def test_of_several_records_of_one_run_the_newest_counts(whole: Any) -> None:
    rhos, scores = whole
    again = next(one for one in rhos if (one.dataset, one.variant, one.seed) == (name(SHAPE), "rho-from-0", 2))
    study = rho_verdict.gather([*rhos, again.model_copy(update={"value": 0.123})], scores, "ugatit")
    assert study.rhos[Rho(SHAPE, "A2B", 0.0, 2)] == 0.123


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "other"}, r"several data sets at shape 1, texture 0 \(dial-s1-t0-32, other\), so of several"),
        ({"step": 1000}, r"several numbers of steps \(1,000, 500\)"),
        ({"run": "b"}, r"several runs of rho-from-0, seed 2, at shape 1, texture 0"),
    ],
)
def test_records_of_two_studies_are_refused(whole: Any, change: dict[str, Any], message: str) -> None:
    rhos, scores = whole
    other = rho(SHAPE, "rho-from-0", 2, 0.3, **change)
    with pytest.raises(UsageError, match=message):
        rho_verdict.gather([*rhos, other], scores, "ugatit")


def test_errors_of_two_protocols_or_two_runs_of_a_fixed_arm_are_refused(whole: Any) -> None:
    rhos, scores = whole
    fixed = next(one for one in scores if one.variant == "rho0")
    with pytest.raises(UsageError, match="several protocols of changed"):
        rho_verdict.gather(rhos, [*scores, fixed.model_copy(update={"protocol_id": "other"})], "ugatit")
    with pytest.raises(UsageError, match="several runs of rho0, seed 0"):
        rho_verdict.gather(rhos, [*scores, fixed.model_copy(update={"run": "other"})], "ugatit")


def told(whole: Any, change: Callable[[RhoRecord], float] = lambda one: one.value, error: float = 0.0) -> list[str]:
    """The sentences, with other rhos and with `error` added to every error."""
    rhos = [one.model_copy(update={"value": change(one)}) for one in whole[0]]
    scores = [one.model_copy(update={"value": one.value + error}) for one in whole[1]]
    return rho_verdict.sentences(rho_verdict.verdict(rho_verdict.gather(rhos, scores, "ugatit")))


def test_means_over_seeds_stand_by_setting_and_arm(whole: Any) -> None:
    rows = rho_verdict.means(rho_verdict.gather(*whole, "ugatit"))
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


def test_the_verdict_is_told_with_its_figures(whole: Any) -> None:
    own = rho_verdict.verdict(rho_verdict.gather(*whole, "ugatit"))
    lines = told(whole)
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
    content = json.loads(json.dumps(rho_verdict.to_json(own)))
    assert content["text"] == lines and content["pays"]["1"]["margin"] == 0.02


def test_a_rho_that_adapts_the_other_way_is_said_to_speak_against_the_paper(whole: Any) -> None:
    assert told(whole, lambda one: 1 - one.value)[0] == (
        "Does rho adapt? Adapts: it ends lower where texture alone changes than where shape alone does, against what "
        "the paper says."
    )


def test_one_that_ends_alike_is_said_to_be_no_more_than_a_shaken_one_would(whole: Any) -> None:
    assert told(whole, lambda one: 0.5 + 0.001 * one.seed)[0].endswith(
        "so would a rho that its rate shakes over all of [0, 1]."
    )


def test_where_rho_is_not_identified_nothing_is_claimed_of_where_it_ends(whole: Any) -> None:
    lines = told(whole, lambda one: one.value + 0.3 * one.start)
    assert lines[0] == (
        "Does rho adapt? Not identified: at shape 1, texture 0 and at shape 0, texture 1 rho is not shown to end at "
        "one place wherever it starts."
    )
    assert lines[2].endswith("0.150 [0.150, 0.150]; not shown to lie within ±0.1 (p 1, 90 % interval [0.150, 0.150]).")
    assert lines[9].endswith("texture 0: 0.403 [0.401, 0.406]; not tested, since rho is not identified.")
    assert "below -0.02" in lines[10]


def test_a_placebo_that_fails_alone_is_named_alone(whole: Any) -> None:
    lines = told(whole, lambda one: one.value + (0.2 if one.direction == "B2A" else 0))
    assert lines[0] == (
        "Does rho adapt? Not identified: in the placebo the two generators' rhos are not shown to end alike."
    )


def test_where_nothing_was_learnt_nothing_is_claimed_of_errors(whole: Any) -> None:
    lines = told(whole, error=0.5)
    assert lines[1].startswith("Does learning rho pay? Not learnt:")
    assert lines[10].endswith(
        "rho fixed at 0: -0.053 [-0.056, -0.051]; not tested, since nothing was learnt at "
        "shape 1, texture 0 and at shape 0, texture 1."
    )
    assert "beyond ±0.1" in lines[9]


def test_a_fixed_rho_that_leaves_less_error_is_not_said_to_be_within_a_margin_of_it(whole: Any) -> None:
    rhos, scores = whole
    better = [
        one.model_copy(update={"value": 0.3 + 0.01 * one.seed}) if one.variant == "rho0" else one for one in scores
    ]
    lines = rho_verdict.sentences(rho_verdict.verdict(rho_verdict.gather(rhos, better, "ugatit")))
    assert lines[1] == (
        "Does learning rho pay? Does not pay: with rho fixed at 0, at most 0.02 more error is left than with the "
        "learnt one."
    )
    assert "]; shown not to be below -0.02 (p " in lines[10]
    assert "]; shown to be below -0.02 (p " in lines[11]


def test_seeds_that_lack_a_run_are_named_and_too_few_claim_nothing(whole: Any) -> None:
    rhos, scores = whole
    rhos = [
        one for one in rhos if not (one.seed in (2, 5) and one.variant == "rho-from-0" and one.dataset == name(SHAPE))
    ]
    lines = rho_verdict.sentences(rho_verdict.verdict(rho_verdict.gather(rhos, scores, "ugatit", range(9))))
    assert lines[0] == "Does rho adapt? Not testable: 6 whole seeds, and 7 are needed."
    assert lines[2] == "Left out, since a run or a score of theirs is missing: seeds 2, 5, 8."
    assert not [line for line in lines[3:-1] if "(p" in line or "within" in line or "below" in line or "beyond" in line]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of a learnt arm on a dial, with a checkpoint at step 20 and rho logged there."""
    data = resolve("dial:shape=0.5,texture=1,size=16,train=2,test=2", tmp_path / "data")
    found = open_run(
        tmp_path / "results" / data.name,
        RunConfig(
            method="ugatit",
            variant="rho-from-05",
            preset="smoke",
            config={"size": 16, "steps": 20},
            dataset=DatasetRecord(name=data.name, root=str(data.root), fingerprint="x", images={}),
            direction=None,
            seed=4,
            precision="fp32",
        ),
    )
    (found.checkpoints / "20").mkdir(parents=True)
    (found.checkpoints / "20" / "manifest.json").write_text("{}")
    log(found, {"step": 10, **logged(0.1)}, {"step": 20, **logged(0.3)})
    return found


def logged(value: float) -> dict[str, float]:
    return {
        "rho/generator_a2b.decoder.0.norm1": value,
        "rho/generator_a2b.decoder.0.norm2": value + 0.2,
        "rho/generator_a2b.up1.norm": 9.0,
        "rho/generator_b2a.decoder.0.norm1": 0.7,
        "generators/cycle_a": 5.0,
    }


def log(run: Run, *rows: dict[str, float]) -> None:
    (run.metrics_file).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_runs_rho_is_the_mean_over_the_methods_layers_at_the_last_step(run: Run, tmp_path: Path) -> None:
    there, back = rho_records.keep([run])
    assert (there.value, back.value) == (pytest.approx(0.4), 0.7)
    assert there.layers == {"rho/generator_a2b.decoder.0.norm1": 0.3, "rho/generator_a2b.decoder.0.norm2": 0.5}
    assert (there.shape, there.texture, there.start, there.seed, there.step) == (0.5, 1, 0.5, 4, 20)
    assert rho_records.read_all(tmp_path / "results") == [there, back]
    assert rho_records.keep([run]) == [there, back]
    assert rho_records.read_all(tmp_path / "results") == [there, back]  # and not twice
    log(run, {"step": 10, **logged(0.1)}, {"step": 20, **logged(0.6)})  # trained again, and it ended elsewhere
    there = rho_records.keep([run])[0]
    assert there.value == pytest.approx(0.7)
    assert rho_records.read_all(tmp_path / "results")[2:] == [there]


def test_a_run_that_logged_no_rho_at_its_last_step_is_named(run: Run) -> None:
    log(run, {"step": 10, **logged(0.1)})
    with pytest.raises(RunError, match=r"seed4-.*no rho/generator_a2b\.decoder\.… at step 20"):
        rho_records.keep([run])


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "rho.jsonl").write_text('{"run": "x"}\n')
    with pytest.raises(RunError, match=r"rho\.jsonl, line 1 is no record"):
        rho_records.read_all(tmp_path)


@pytest.fixture
def context(tmp_path: Path, whole: Any) -> FigureContext:
    rhos, scores = whole
    (tmp_path / "rho.jsonl").write_text("".join(json.dumps(one.model_dump()) + "\n" for one in rhos))
    record.append(tmp_path / "scores.jsonl", scores)
    return FigureContext(tmp_path)


def test_the_figure_has_a_point_a_run_and_a_marker_a_start(context: FigureContext) -> None:
    figure = dial.draw(context)
    left, right = figure.axes
    points = {line.get_marker(): line for line in left.lines if len(line.get_xdata()) == 4 * 8}
    assert list(points) == ["o", "s", "^"]
    assert [line.get_markerfacecolor() for line in points.values()] == ["1.0", "0.5", "0.0"]
    at_texture = [y for x, y in zip(*points["s"].get_data(), strict=True) if round(x) == 2]
    assert at_texture == pytest.approx([ends(TEXTURE, seed) for seed in range(8)])
    assert [label.get_text() for label in left.get_xticklabels()] == ["0, 0", "1, 0", "0, 1", "1, 1"]
    assert left.get_ylim() == (-0.02, 1.02)
    assert [label.get_text() for label in right.get_xticklabels()] == ["1, 0", "0, 1", "1, 1"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        *(f"learnt from {start}" for start in ("0", "0.5", "1")),
        *(f"fixed at {place}" for place in ("0", "1")),
    ]
    assert figure.get_figwidth() <= _style.WIDTH


def test_the_errors_are_means_with_their_intervals_over_seeds(context: FigureContext) -> None:
    _, right = dial.draw(context).axes
    means = [line for line in right.lines if line.get_marker() == "+" and len(line.get_xdata()) == 1]
    assert [line.get_ydata()[0] for line in means] == pytest.approx([0.6535] * 3)
    spans = [line.get_ydata() for line in right.lines if line.get_color() == "0.45"]
    half = 2.3646 * 0.001 * (6**0.5) / (8**0.5)  # Student's with 7 degrees; 0 to 7 has a variance of 6
    assert max(high - low for low, high in spans) == pytest.approx(2 * half, rel=1e-3)


def test_the_figure_of_one_data_set_shows_that_alone(context: FigureContext) -> None:
    left, right = dial.draw(FigureContext(context.results, dataset=name(TEXTURE))).axes
    assert [[label.get_text() for label in panel.get_xticklabels()] for panel in (left, right)] == [["0, 1"]] * 2


def test_a_figure_of_the_placebo_alone_has_an_empty_panel_of_errors(context: FigureContext) -> None:
    _, right = dial.draw(FigureContext(context.results, dataset=name(Setting(0, 0)))).axes
    assert [label.get_text() for label in right.get_xticklabels()] == ["0, 0"]
    assert len(right.lines) == 0


def test_a_figure_of_one_direction_is_refused(context: FigureContext) -> None:
    with pytest.raises(UsageError, match="--direction: the figure is of rho from A to B and of errors over both"):
        dial.draw(FigureContext(context.results, direction="B2A"))


def test_a_figure_without_records_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no rho\.jsonl under .*`ugbench ablate --dial` makes them"):
        dial.draw(FigureContext(tmp_path))
