"""Figures of numbers: scores over steps, rho of each layer, CAM mass of attention maps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet
from ugbench.data.tensors import load_images
from ugbench.errors import UnknownName, UsageError
from ugbench.figures import _style, cam_mass, rho_layers, scores
from ugbench.figures._context import FigureContext
from ugbench.metrics import cam_mass as metric
from ugbench.runs.run import Run
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord

Make = Callable[..., Run]
MakeRecord = Callable[..., ScoreRecord]
StoreMaps = Callable[..., dict[str, torch.Tensor]]
STEPS = (100, 200, 300)


def score(run: Run, records: list[ScoreRecord]) -> Run:
    record.append(run.scores_file, records)
    return run


def titles(figure: Any) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def curve(axes: Axes, place: int = 0) -> tuple[list[float], list[float]]:
    """Steps and values of a panel's line of markers."""
    line = [each for each in axes.lines if each.get_marker() not in ("None", None)][place]
    return [float(x) for x in line.get_xdata()], [float(y) for y in line.get_ydata()]


def band(axes: Axes, place: int = 0) -> tuple[float, float] | None:
    """Lowest and highest value of a panel's band; None where it is empty."""
    paths = axes.collections[place].get_paths()
    ends = np.concatenate([path.vertices[:, 1] for path in paths]) if paths else np.array([])
    return (float(ends.min()), float(ends.max())) if len(ends) else None


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_scores_stand_at_their_steps_with_the_interval_of_one_seed(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    values = dict(zip(STEPS, (0.30, 0.20, 0.10), strict=True))
    records = [make_record("kid", "ugatit", v, step=s, low=v - 0.02, high=v + 0.02) for s, v in values.items()]
    score(make_run("ugatit"), records[::-1])
    make_run("cut")
    figure = scores.draw(context)
    assert titles(figure) == ["KID x100, A2B"]
    steps, shown = curve(figure.axes[0])
    assert (steps, shown) == (list(STEPS), pytest.approx([30, 20, 10]))
    assert band(figure.axes[0]) == pytest.approx((8, 32))
    assert legend(figure) == ["ugatit"]


def test_a_method_with_a_style_has_its_note_below(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    run = make_run("ugatit")
    score(run, [make_record("kid", "ugatit", 0.1, step=step) for step in STEPS])
    assert "style" not in scores.draw(context).get_supxlabel()
    score(run, [make_record("kid", "ugatit", 0.1, step=step, codes_per_image=1) for step in STEPS])
    below = scores.draw(context).get_supxlabel()
    assert " ".join(below.split()).endswith("ugatit: one style per image, drawn at random (seed 0).")


def test_several_seeds_are_their_mean_at_steps_that_all_have_and_a_band_from_lowest_to_highest(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    for seed, level in enumerate((0.1, 0.3)):
        steps = STEPS[: 2 + seed]
        score(make_run("ugatit", seed=seed), [make_record("kid", "ugatit", level, step=s, seed=seed) for s in steps])
    figure = scores.draw(context)
    assert curve(figure.axes[0]) == ([100, 200], pytest.approx([20, 20]))
    assert band(figure.axes[0]) == pytest.approx((10, 30))
    assert legend(figure) == ["ugatit (2 seeds)"]


def test_a_mean_over_seeds_is_of_the_current_test_images_and_runs_with_earlier_ones_are_counted(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    old, new = ({"sources": "a1", "references": references} for references in ("b1", "b2"))
    for seed, (level, images) in enumerate(((0.1, old), (0.3, new), (0.5, new))):
        run = make_run("ugatit", seed=seed)
        fields = {"dataset": run.dataset_folder.name, "seed": seed, **images}
        score(run, [make_record("kid", "ugatit", level, step=step, **fields) for step in STEPS])
    assert curve(scores.draw(context).axes[0])[1] == pytest.approx([30, 30, 30]), "without a dataset.json none is known"
    content = {"root": "/x", "images": {"testA": "a1", "testB": "b2"}}
    (run.dataset_folder / "dataset.json").write_text(json.dumps(content))
    figure = scores.draw(context)
    assert curve(figure.axes[0])[1] == pytest.approx([40, 40, 40])
    below = " ".join(figure.get_supxlabel().split())
    assert "runs not shown, scored with earlier test images alone: 1; `ugbench eval` scores them again" in below


def test_without_an_interval_there_is_no_band(make_run: Make, make_record: MakeRecord, context: FigureContext) -> None:
    score(make_run("ugatit"), [make_record("fid", "ugatit", 50, step=s) for s in STEPS])
    assert band(scores.draw(context).axes[0]) is None


def test_identity_and_real_are_horizontal_where_they_have_the_same_protocol(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    run = make_run("ugatit")
    score(run, [make_record("kid", "ugatit", 0.2, step=s, direction=d) for s in STEPS for d in ("A2B", "B2A")])
    home = run.dataset_folder
    record.append(home / "identity" / "scores.jsonl", [make_record("kid", "identity", 0.5)])
    record.append(home / "real" / "scores.jsonl", [make_record("kid", "real", 0.01, protocol_id="another")])
    figure = scores.draw(context)
    assert titles(figure) == ["KID x100, A2B", "KID x100, B2A"]
    levels = [[set(line.get_ydata()) for line in axes.lines if line.get_marker() == "None"] for axes in figure.axes]
    assert levels == [[{50.0}], []]
    assert legend(figure) == ["ugatit", "identity"]


def test_metrics_can_be_chosen_and_stand_in_that_order(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    names = ("kid", "fid", "lpips")
    score(make_run("ugatit"), [make_record(name, "ugatit", 0.1, step=s) for name in names for s in STEPS])

    def asked(*metrics: str) -> list[str]:
        return titles(scores.draw(replace(context, metrics=metrics)))

    assert asked() == ["KID x100, A2B", "FID, A2B", "LPIPS, A2B"]
    assert asked("lpips", "kid") == ["LPIPS, A2B", "KID x100, A2B"]
    with pytest.raises(
        UsageError, match=r"--metric iou: no run has scores of it at two steps, only of kid, fid, lpips"
    ):
        asked("iou")
    with pytest.raises(UnknownName, match="kidd"):
        asked("kidd")


def test_two_protocols_are_two_panels_that_say_so(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    by_extractor = [
        make_record("kid", "ugatit", level, step=s, extractor=extractor)
        for extractor, level in (("alexnet", 0.1), ("inception", 0.2))
        for s in STEPS
    ]
    score(make_run("ugatit"), by_extractor)
    figure = scores.draw(context)
    assert titles(figure) == [
        "KID x100, A2B\nalexnet, protocol target kid-alexnet",
        "KID x100, A2B\ninception, protocol target kid-inceptio",
    ]
    assert [curve(axes)[1][0] for axes in figure.axes] == pytest.approx([10, 20])


def test_methods_differ_in_colour_dashes_and_marker_and_so_do_configurations_of_a_method(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    runs = [make_run("ugatit"), make_run("cyclegan"), make_run("cyclegan", steps=500)]
    for run in runs:
        score(run, [make_record("kid", run.config.method, 0.2, step=s) for s in STEPS])
    figure = scores.draw(context)
    labels = ["cyclegan (steps 100)", "cyclegan (steps 500)", "ugatit"]
    assert legend(figure) == labels
    styles = [_style.line_styles(runs)[label] for label in labels]
    assert [(line.get_marker(), line.get_color()) for line in figure.axes[0].lines] == [
        (style["marker"], style["color"]) for style in styles
    ]
    assert styles[0] == _style.line_styles(runs[:2])["cyclegan"]  # the first configuration looks as the method does
    assert len({style["marker"] for style in styles}) == 3


def test_panels_of_many_metrics_stand_side_by_side_on_one_page_and_too_many_are_refused(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    run = make_run("ugatit")

    def draw(count: int, direction: str | None = None) -> Figure:
        run.scores_file.unlink(missing_ok=True)
        kinds = [("kid", f"protocol{k}", direction) for k in range(count) for direction in ("A2B", "B2A")]
        score(
            run, [make_record(m, "ugatit", 1, step=s, direction=d, protocol_id=p) for m, p, d in kinds for s in STEPS]
        )
        return scores.draw(FigureContext(context.results, direction=direction))

    for count, direction, columns in ((3, None, 2), (12, None, 4), (24, "A2B", 4)):
        figure = draw(count, direction)
        assert len(figure.axes) == count * (1 if direction else 2)
        assert figure.axes[0].get_gridspec().ncols == columns
        assert figure.get_figheight() <= _style.HEIGHT and figure.get_figwidth() <= _style.WIDTH
    directions = [axes.get_title(loc="left").split("\n")[0][-3:] for axes in draw(12).axes]
    assert directions == ["A2B", "B2A"] * 12
    with pytest.raises(UsageError, match=r"48 panels of scores do not fit .*; draw one direction: --direction A2B"):
        draw(24)


def test_the_newest_score_of_a_step_counts_and_one_direction_can_be_asked_for(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    run = make_run("ugatit")
    score(run, [make_record("kid", "ugatit", 0.9, step=s, direction=d) for d in ("A2B", "B2A") for s in STEPS])
    score(run, [make_record("kid", "ugatit", 0.1, step=100, direction="B2A")])
    figure = scores.draw(FigureContext(context.results, direction="B2A"))
    assert titles(figure) == ["KID x100, B2A"]
    assert curve(figure.axes[0])[1] == pytest.approx([10, 90, 90])


def test_scores_of_one_step_alone_say_how_to_score_more(
    make_run: Make, make_record: MakeRecord, context: FigureContext
) -> None:
    score(make_run("ugatit"), [make_record("kid", "ugatit", 0.2, step=100)])
    with pytest.raises(UsageError, match=r"scores at two steps; .*`ugbench eval --checkpoints all`"):
        scores.draw(context)


def dots(axes: Axes, marker: str) -> list[tuple[float, float]]:
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return [(float(x), float(y)) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def test_rho_of_each_layer_is_the_last_logged_beside_the_first(
    make_run: Make, log: Make, context: FigureContext
) -> None:
    log(make_run("cut"), g__nce=[1.0])
    curves = {"decoder.0": [1.0, 0.9, 0.75], "up1": [0.0, 0.9, 0.25]}
    rho_of_a = {f"rho/g_a.{layer}": values for layer, values in curves.items()}
    run = log(make_run("ugatit"), {**rho_of_a, "rho/g_b.up1": [0.1, 0.9, 0.5]})
    figure = rho_layers.draw(context)
    assert titles(figure) == ["g_a", "g_b"]
    assert [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes] == [
        ["decoder.0", "up1"],
        ["up1"],
    ]
    marker = _style.line_styles([run])["ugatit"]["marker"]
    assert [dots(axes, marker) for axes in figure.axes] == [[(0, 0.75), (1, 0.25)], [(0, 0.5)]]
    assert [dots(axes, "_") for axes in figure.axes] == [[(0, 1.0), (1, 0.0)], [(0, 0.1)]]
    assert all(axes.get_ylim() == (-0.04, 1.04) for axes in figure.axes)
    assert legend(figure) == ["ugatit", "first logged"]


def test_seeds_stand_side_by_side_and_differ_in_filling(make_run: Make, log: Make, context: FigureContext) -> None:
    runs = [log(make_run("ugatit", seed=seed), {"rho/g.up1": [0.5 + seed / 10]}) for seed in (0, 1)]
    (axes,) = rho_layers.draw(context).axes
    (marker,) = {look["marker"] for look in _style.line_styles(runs).values()}
    assert dots(axes, marker) == [(-0.25, 0.5), (0.25, 0.6)]
    assert [line.get_fillstyle() for line in axes.lines if line.get_marker() == marker] == ["full", "none"]


def test_rho_layers_where_no_run_has_any_says_so(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("cut"), g__nce=[1.0])
    with pytest.raises(UsageError, match="has logged a rho"):
        rho_layers.draw(context)


@pytest.fixture
def dial(tmp_path: Path) -> DataSet:
    return resolve("dial:size=16,train=2,test=3,texture=0,shape=1", tmp_path / "data")


def test_every_map_of_every_run_has_a_dot_filled_where_it_is_attention(
    make_run: Make, store_maps: StoreMaps, context: FigureContext, dial: DataSet
) -> None:
    runs = [make_run("ugatit", variant, name=dial.name, root=dial.root) for variant in (None, "no-cam")]
    make_run("cut", name=dial.name, root=dial.root)
    attention_maps = store_maps(runs[0], {"generator"})
    store_maps(runs[1], set())
    figure = cam_mass.draw(FigureContext(context.results, runs))
    (axes,) = figure.axes
    images = load_images(dial.split("testA"), 16), load_images(dial.split("testB"), 16)
    areas = ((images[0].int() - images[1].int()).abs() > 2).any(1).float().mean((1, 2))
    assert titles(figure) == [f"A2B (largest possible: {float((1 / areas).mean()):.4g})"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ugatit", "ugatit-no-cam"]
    values = [metric.compute(maps, *images).value for maps in attention_maps.values()]
    drawn: list[Line2D] = [line for line in axes.lines if line.get_marker() in _style.MARKERS]
    assert [float(line.get_xdata()[0]) for line in drawn] == pytest.approx(values * 2)
    assert [float(line.get_ydata()[0]) for line in drawn] == pytest.approx([-0.15, 0.15, 0.85, 1.15])
    assert [line.get_marker() for line in drawn] == ["o", "s", "o", "s"]
    assert [line.get_markerfacecolor() != "white" for line in drawn] == [True, False, False, False]
    assert [set(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "--"] == [{1}]
    assert legend(figure) == ["generator", "local", "attention", "plain features", "uniform"]


def test_runs_whose_maps_are_not_kept_are_named_below_and_those_that_draw_none_are_not(
    make_run: Make, store_maps: StoreMaps, context: FigureContext, dial: DataSet
) -> None:
    where = {"name": dial.name, "root": dial.root}
    seen, gone, blind = make_run("ugatit", **where), make_run("ugatit", "no-cam", **where), make_run("cut", **where)
    store_maps(seen, {"generator"})
    store_maps(gone, set(), "B2A")
    store_maps(blind, set(), names=())
    figure = cam_mass.draw(FigureContext(context.results, [seen, gone, blind]))
    below = figure.get_supxlabel().replace("\n", " ")
    assert below.endswith("no maps of their last step are kept: ugatit-no-cam A2B, ugatit B2A")
    with pytest.raises(UsageError, match="the methods of these runs have no attention maps; choose other"):
        cam_mass.draw(FigureContext(context.results, [blind]))
    alike = resolve("dial:size=16,train=1,test=1,texture=0,shape=0", dial.root.parent)
    with pytest.raises(
        UsageError, match=r"these runs have no CAM mass: the domains of .* are alike, so nothing is to change"
    ):
        cam_mass.draw(FigureContext(context.results, [make_run("ugatit", name=alike.name, root=alike.root)]))


def test_without_kept_maps_or_a_dial_the_mass_is_refused_in_words(
    make_run: Make, store_maps: StoreMaps, context: FigureContext, dial: DataSet
) -> None:
    run = make_run("ugatit", name=dial.name, root=dial.root)
    with pytest.raises(
        UsageError,
        match=r"no attention maps of a last step are stored, for example in .*; run `ugbench eval --metric cam_mass`",
    ):
        cam_mass.draw(FigureContext(context.results, [run]))
    store_maps(run, {"generator"}, step=50)  # of a selected checkpoint
    with pytest.raises(UsageError, match="no attention maps of a last step are stored"):
        cam_mass.draw(FigureContext(context.results, [run]))
    with pytest.raises(UsageError, match="these runs have no CAM mass: the true translation of photos is not known"):
        cam_mass.draw(FigureContext(context.results, [make_run("ugatit")]))


def test_fifty_images_have_an_interval(
    make_run: Make, store_maps: StoreMaps, context: FigureContext, tmp_path: Path
) -> None:
    many = resolve("dial:size=16,train=2,test=50,texture=0,shape=1", tmp_path / "data")
    run = make_run("ugatit", name=many.name, root=many.root)
    attention_maps = store_maps(run, {"generator"}, n=50)
    (axes,) = cam_mass.draw(FigureContext(context.results, [run])).axes
    sources, truth = (load_images(many.split(split), 16) for split in ("testA", "testB"))
    score = metric.compute(attention_maps["generator"], sources, truth)
    whisker = [line.get_xdata() for line in axes.lines if line.get_marker() == "None" and line.get_linestyle() == "-"]
    assert whisker[0] == pytest.approx([score.low, score.high])
