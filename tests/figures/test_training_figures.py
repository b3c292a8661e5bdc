"""Figures of what was logged in training: losses, and rho of each layer over steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ugbench.errors import UsageError
from ugbench.figures import _style, losses, rho, rho_layers
from ugbench.figures._context import FigureContext
from ugbench.runs.run import Run

Make = Callable[..., Run]


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
