"""Figures from small runs made by hand: what is drawn, how it looks, how it is saved."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ugbench import registry
from ugbench.data.dataset_names import resolve
from ugbench.data.images import read_image
from ugbench.errors import RunError, UsageError
from ugbench.figures import _style, attention, comparison, discriminators, losses, rho, rho_layers
from ugbench.figures._context import FigureContext, label_runs, save
from ugbench.runs.run import Run

SIZE = 16
Make = Callable[..., Run]


def shown(figure: Any) -> list[int | None]:
    """The grey level of each image in reading order, None for a place without one."""
    return [int(np.asarray(axes.images[0].get_array())[0, 0, 0]) if axes.images else None for axes in figure.axes]


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_every_figure_has_a_title_and_draws() -> None:
    for name in registry.modules("figures"):
        module = registry.load("figures", name)
        assert isinstance(module.TITLE, str) and callable(module.draw)


def test_comparison_shows_input_and_outputs_of_images_spread_over_the_test_set(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    runs = [translate(make_run("ugatit"), 50), translate(make_run("cut"), 150)]
    figure = comparison.draw(FigureContext(context.results, runs, limit=3))
    assert shown(figure) == [0, 50, 150, 2, 52, 152, 4, 54, 154]
    assert texts(figure) == ["input (A)", "ugatit", "cut", "00", "02", "04"]
    assert shown(comparison.draw(FigureContext(context.results, runs[:1], limit=4)))[::2] == [0, 1, 3, 4]


def test_comparison_shows_truth_on_a_dial(
    make_run: Make, translate: Make, tmp_path: Path, context: FigureContext
) -> None:
    dial = resolve(f"dial:size={SIZE},train=2,test=2", tmp_path / "data")
    run = make_run("ugatit", name=dial.name, root=dial.root)
    for direction in ("A2B", "B2A"):
        translate(run, 50, direction)
    figure = comparison.draw(FigureContext(context.results, [run], limit=1))
    stem = dial.split("testA")[0].stem
    assert texts(figure)[:4] == ["input (A)", "ugatit", "truth (B)", stem]
    assert texts(figure)[4:7] == ["input (B)", "ugatit", "truth (A)"]
    a, b = (np.asarray(read_image(dial.split(split)[0])) for split in ("testA", "testB"))
    assert (a != b).any()
    images = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    for place, image in ((0, a), (2, b), (3, b), (5, a)):
        np.testing.assert_array_equal(images[place], image)


def test_comparison_shows_attention_where_there_are_overlays(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    other = translate(make_run("cut"), 150)
    figure = comparison.draw(FigureContext(context.results, [other, run], limit=1))
    assert shown(figure) == [0, 200, 150, 50]
    assert texts(figure)[:2] == ["input (A)", "attention ugatit"]


def test_comparison_leaves_the_place_of_a_run_without_outputs_empty(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    both = translate(translate(make_run("ugatit"), 50), 70, "B2A")
    half = translate(make_run("cyclegan"), 150)
    assert shown(comparison.draw(FigureContext(context.results, [both, half], limit=1))) == [0, 50, 150, 100, 70, None]


def test_comparison_gives_a_run_that_learnt_one_way_no_column_the_other_way(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    both = translate(translate(make_run("ugatit"), 50), 70, "B2A")
    one_way = translate(make_run("cut"), 150)
    assert shown(comparison.draw(FigureContext(context.results, [both, one_way], limit=1))) == [0, 50, 150, 100, 70]


def test_comparison_keeps_to_one_direction(make_run: Make, translate: Make, context: FigureContext) -> None:
    run = translate(translate(make_run("ugatit"), 50), 70, "B2A")
    figure = comparison.draw(FigureContext(context.results, [run], direction="B2A", limit=1))
    assert shown(figure) == [100, 70]


def test_comparison_skips_images_that_a_run_has_not_translated(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(make_run("ugatit"), 50)
    (run.path / "outputs" / "A2B" / "00.png").unlink()
    assert shown(comparison.draw(FigureContext(context.results, [run], limit=1))) == [1, 51]


def test_comparison_without_outputs_says_how_to_make_them(make_run: Make, context: FigureContext) -> None:
    make_run("ugatit")
    with pytest.raises(UsageError, match="run `ugbench eval`"):
        comparison.draw(context)


def test_comparison_with_the_data_gone_names_where_it_was(
    make_run: Make, translate: Make, dataset: Path, context: FigureContext
) -> None:
    translate(make_run("ugatit"), 50)
    dataset.rename(dataset.with_name("elsewhere"))
    with pytest.raises(RunError, match="photos, which is gone"):
        comparison.draw(context)


def test_comparison_refuses_outputs_of_other_images_than_are_there_now(
    make_run: Make, translate: Make, note: Callable[[Run], None], shade: Callable[..., None], context: FigureContext
) -> None:
    runs = [translate(make_run(name), 50) for name in ("ugatit", "cut")]
    for run in runs:
        note(run)
    shade(Path(runs[0].config.dataset.root) / "testA" / "00.png", 77)
    note(runs[0])
    with pytest.raises(RunError, match=rf"outputs A2B of run {runs[1].id} \(cut\) were made of other images than"):
        comparison.draw(context)
    note(runs[1])
    assert 77 in shown(comparison.draw(context))


def test_attention_shows_input_map_and_result_then_results_without_attention(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    without = translate(make_run("ugatit", "no-cam"), 150)
    seeing = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    figure = attention.draw(FigureContext(context.results, [without, seeing], limit=2))
    assert shown(figure) == [0, 200, 50, 150, 4, 204, 54, 154]
    headings = ["input (A)", "attention of ugatit", "ugatit, with attention", "ugatit-no-cam, without"]
    assert [text.replace("\n", " ") for text in texts(figure)[:4]] == headings


def test_a_run_with_maps_of_the_translation_alone_is_without_attention_to_the_input(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    judged = translate(translate(make_run("ugatit", "no-gcam"), 150), 220, folder="attention/global")
    seeing = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    figure = attention.draw(FigureContext(context.results, [judged, seeing], limit=1))
    assert shown(figure) == [0, 200, 50, 150]


def test_attention_leaves_out_a_direction_in_which_no_run_has_a_map(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    seeing = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    translate(seeing, 70, "B2A")
    assert shown(attention.draw(FigureContext(context.results, [seeing], limit=1))) == [0, 200, 50]


def test_discriminators_show_the_translation_and_each_map_beyond_the_main_one(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    for name, level in (("local", 240), ("global", 220)):
        translate(run, level, folder=f"attention/{name}")
    other = translate(make_run("cut"), 150)
    figure = discriminators.draw(FigureContext(context.results, [other, run], limit=2))
    assert shown(figure) == [0, 50, 220, 240, 4, 54, 224, 244]
    assert texts(figure)[:4] == ["input (A)", "ugatit", "global, ugatit", "local, ugatit"]


@pytest.mark.parametrize(
    ("figure", "missing"),
    [(attention, "no attention map of an input among"), (discriminators, "no attention map beyond the main one among")],
)
def test_without_heat_maps_a_figure_of_them_says_how_to_make_them(
    make_run: Make, translate: Make, context: FigureContext, figure: Any, missing: str
) -> None:
    run = make_run("cut")
    with pytest.raises(
        UsageError, match=rf"{missing} these runs' outputs, for example in {run.path}.*run `ugbench eval`"
    ):
        figure.draw(context)
    translate(run, 50)  # again would make no map either
    with pytest.raises(
        UsageError, match=rf"{missing} these runs' outputs: the methods of these runs make none; choose other runs"
    ):
        figure.draw(context)


def test_losses_have_a_panel_a_term_and_leave_out_rates_and_rho(
    make_run: Make, log: Make, context: FigureContext
) -> None:
    log(make_run("ugatit"), d__real=[1, 2], g__cycle=[3, 4], lr__g=[1, 1], rho__x=[1, 1])
    log(make_run("cut"), g__nce=[5, 6], d__real=[7, 8])
    figure = losses.draw(context)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["g/nce", "g/cycle", "d/real"]
    real = figure.axes[2]
    assert [line.get_ydata().tolist() for line in real.lines] == [[7, 8], [7, 8], [1, 2], [1, 2]]
    assert real.lines[0].get_xdata().tolist() == [10, 20]


def test_losses_that_fall_by_far_get_a_logarithmic_axis(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("ugatit"), g__cam=[1000.0, 1.0], g__cycle=[2.0, 1.0])
    assert [axes.get_yscale() for axes in losses.draw(context).axes] == ["log", "linear"]


def test_losses_of_several_seeds_share_a_legend_entry(make_run: Make, log: Make, context: FigureContext) -> None:
    for seed in (0, 1):
        log(make_run("ugatit", seed=seed), g__cycle=[2.0, 1.0])
    (legend,) = losses.draw(context).legends
    assert [text.get_text() for text in legend.get_texts()] == ["ugatit (2 seeds)"]


def test_a_phase_of_many_groups_is_named_by_its_first(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("ugatit"), {"generators+generators_undecayed+rho/cycle_a": [1.0], "g+h/cycle": [1.0]})
    titles = [axes.get_title(loc="left") for axes in losses.draw(context).axes]
    assert titles == ["generators+…/cycle_a", "g+h/cycle"]


def test_losses_without_any_say_so(make_run: Make, context: FigureContext) -> None:
    make_run("ugatit")
    with pytest.raises(UsageError, match="has logged a loss yet"):
        losses.draw(context)


def test_rho_has_a_panel_a_network_and_a_line_a_layer_between_0_and_1(
    make_run: Make, log: Make, context: FigureContext
) -> None:
    log(make_run("cut"), g__nce=[1, 2])
    curves = {"g_a.up.0": [0.0], "g_a.up.1": [0.25], "g_b.up.0": [1.0]}
    log(make_run("ugatit"), {f"rho/{layer}": values for layer, values in curves.items()}, g__cycle=[9.0])
    figure = rho.draw(context)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["ugatit g_a", "ugatit g_b"]
    assert [[line.get_ydata()[0] for line in axes.lines] for axes in figure.axes] == [[0.0, 0.25], [1.0]]
    assert all(axes.get_ylim() == (-0.02, 1.02) for axes in figure.axes)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["up.0", "up.1"]


def test_rho_where_no_run_has_any_says_so(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("cut"), g__nce=[1, 2])
    with pytest.raises(UsageError, match="has logged a rho"):
        rho.draw(context)


def test_a_loss_and_its_legend_show_the_marker_of_a_variant(make_run: Make, log: Make, context: FigureContext) -> None:
    runs = [log(make_run("ugatit", variant), g__cycle=[2.0, 1.0]) for variant in ("in", "ln")]
    figure = losses.draw(context)
    markers = [_style.line_styles(runs)[run.config.label]["marker"] for run in runs]
    assert [line.get_marker() for line in figure.axes[0].lines if line.get_marker() != "None"] == markers
    assert [line.get_marker() for line in figure.legends[0].legend_handles] == markers


def test_labels_say_no_more_than_tells_runs_apart(make_run: Make) -> None:
    runs = [make_run("cut"), make_run("ugatit", seed=0), make_run("ugatit", seed=1)]
    assert label_runs(runs) == ["cut", "ugatit seed 0", "ugatit seed 1"]
    twins = [make_run("cut"), make_run("cut", lr=1)]
    assert label_runs(twins) == [f"cut {run.id}" for run in twins]
    assert label_runs([make_run("cut"), make_run("cut", name="dial")]) == ["cut photos", "cut dial"]
    assert label_runs([make_run("cut"), make_run("ugatit", name="dial")]) == ["cut photos", "ugatit dial"]


def test_runs_of_several_data_sets_are_not_drawn_together(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("cut"), g__nce=[1, 2])
    log(make_run("cut", name="dial"), g__nce=[1, 2])
    with pytest.raises(UsageError, match=r"several data sets \(dial, photos\)"):
        losses.draw(context)
    assert losses.draw(FigureContext(context.results, dataset="dial")).axes


def test_no_runs_say_how_to_make_one(context: FigureContext) -> None:
    with pytest.raises(UsageError, match=r"--results .*results: there is no such folder"):
        losses.draw(context)


def test_png_and_pdf_are_saved_by_suffix_with_embedded_fonts_and_the_same_bytes(
    make_run: Make, log: Make, context: FigureContext, tmp_path: Path
) -> None:
    log(make_run("ugatit"), g__cycle=[2.0, 1.0])
    figure = losses.draw(context)
    for suffix in ("png", "pdf"):
        for name in ("first", "second"):
            save(figure, tmp_path / "new" / f"{name}.{suffix}")
        first, second = (tmp_path / "new" / f"{name}.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
    with Image.open(tmp_path / "new" / "first.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    pdf = (tmp_path / "new" / "first.pdf").read_bytes()
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf and b"CreationDate" not in pdf


def test_another_suffix_is_refused(context: FigureContext, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"figure\.gif: a figure is written as \.png or \.pdf"):
        save(_style.blank(1, 1), tmp_path / "figure.gif")


def test_drawing_leaves_no_trace_in_matplotlibs_state(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("ugatit"), g__cycle=[2.0, 1.0])
    before = dict(matplotlib.rcParams)
    losses.draw(context)
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_images_shrink_until_columns_and_rows_fit_on_a_page(
    make_run: Make, translate: Make, make_photos: Callable[[Path, list[str]], Path], tmp_path: Path
) -> None:
    root = make_photos(tmp_path / "many", [f"{k:02d}" for k in range(30)])
    runs = [make_run("ugatit", seed=seed, root=root) for seed in range(20)]
    for run in runs:
        translate(translate(run, 50), 60, "B2A")

    def page(count: int, limit: int) -> Figure:
        return comparison.draw(FigureContext(tmp_path, runs[:count], limit=limit))

    for figure in (page(4, 6), page(12, 2), page(4, 9)):
        assert figure.get_figwidth() <= _style.WIDTH + 1e-9 and figure.get_figheight() <= _style.HEIGHT + 1e-9
        width, height = (figure.axes[0].get_position().bounds[2:]) * figure.get_size_inches()
        assert width == pytest.approx(height) and width >= 0.4
    with pytest.raises(UsageError, match=r"60 rows of images do not fit .*: --rows N, or --direction A2B\."):
        page(1, 30)
    with pytest.raises(UsageError, match=r"21 columns of images do not fit on a page; draw fewer runs: --run RUN"):
        page(20, 2)


def test_panels_of_losses_are_lower_where_there_are_many_and_refused_where_too_many(
    make_run: Make, log: Make, context: FigureContext
) -> None:
    run = make_run("ugatit")
    for terms in (8, 40):
        figure = losses.draw(FigureContext(context.results, [log(run, {f"g/{k}": [2.0, 1.0] for k in range(terms)})]))
        assert len(figure.axes) == terms and figure.get_figheight() <= _style.HEIGHT
    log(run, {f"g/{k}": [2.0, 1.0] for k in range(50)})
    with pytest.raises(UsageError, match="50 loss terms do not fit on a page 9 inches high; draw fewer methods: --run"):
        losses.draw(context)


def test_rho_of_many_runs_stands_side_by_side_and_of_too_many_is_refused(
    make_run: Make, log: Make, context: FigureContext
) -> None:
    layers = {f"rho/{network}.up.0": [0.0, 0.5] for network in ("g_a", "g_b")}
    runs = [log(make_run("ugatit", seed=seed), layers) for seed in range(21)]
    figure = rho.draw(FigureContext(context.results, runs[:11]))
    assert figure.get_figheight() <= _style.HEIGHT
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [f"ugatit seed {seed}\n{name}" for seed in range(11) for name in ("g_a", "g_b")]
    assert rho_layers.draw(context).get_figheight() <= _style.HEIGHT
    with pytest.raises(UsageError, match="rho of 21 runs do not fit on a page 9 inches high; draw fewer: --run RUN"):
        rho.draw(context)


def test_no_figure_is_higher_than_a_page() -> None:
    assert _style.blank(1, 9).get_figheight() == _style.HEIGHT == 9
    with pytest.raises(UsageError, match=r"12\.0 inches high, but a page is 9 inches high; draw fewer runs \(--run\)"):
        _style.blank(7, 12)


def test_figures_are_no_wider_than_a_page(make_run: Make, log: Make, translate: Make, context: FigureContext) -> None:
    run = log(translate(make_run("ugatit"), 50), g__cycle=[2.0, 1.0])
    others = [translate(make_run("cut", seed=seed), 50) for seed in range(9)]
    assert losses.draw(FigureContext(context.results, [run])).get_figwidth() <= _style.WIDTH
    assert comparison.draw(FigureContext(context.results, [run, *others])).get_figwidth() <= _style.WIDTH + 1e-9
