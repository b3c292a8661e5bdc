"""The page's charts: the panels of the figures as SVG."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from numpy import array, nan

from ugbench.data.splits import Split
from ugbench.figures import _panels, _style
from ugbench.report import charts
from ugbench.runs.run import Run
from ugbench.runs.training_log import Curve
from ugbench.scoring.record import ScoreRecord

STYLE = {"color": "#0072B2", "linestyle": "-", "marker": "o"}


def loss_chart(values: list[float], steps: list[float] | None = None) -> charts.Chart:
    curve = Curve(array(steps or range(len(values)), dtype=float), array(values))
    (chart,) = charts.loss_charts({"ugatit": {"g/cycle": curve}}, {"ugatit": STYLE})
    return chart


def main_line(chart: charts.Chart) -> str:
    """The path of the line that has a title."""
    root = ElementTree.fromstring(chart.svg)
    (group,) = (group for group in root.iter("g") if group.find("title") is not None)
    path = next(iter(group.iter("path")))
    assert path.get("stroke") == "#0072b2"
    return str(path.get("d"))


def texts(chart: charts.Chart) -> list[str | None]:
    return [text.text for text in ElementTree.fromstring(chart.svg).iter("text")]


def test_a_value_that_is_not_finite_is_a_gap_and_a_wide_range_is_logarithmic() -> None:
    assert main_line(loss_chart([1.0, 2.0, nan, 1.0, 2.0])).count("M") == 2
    assert {"0.001", "0.01", "0.1"} <= set(texts(loss_chart([1e-4, 1.0])))
    assert not {"0.001", "0.01"} & set(texts(loss_chart([0.5, 1.0])))


def test_long_curves_are_thinned() -> None:
    values = [float(k % 2) for k in range(5000)]
    (chart,) = charts.rho_charts({"ugatit": {"rho/g.up": Curve(array(range(5000), float), array(values))}})[0][1]
    assert len(re.findall("[ML]", main_line_of_rho(chart))) == charts.POINTS


def main_line_of_rho(chart: charts.Chart) -> str:
    root = ElementTree.fromstring(chart.svg)
    return next(
        str(path.get("d")) for group in root.iter("g") if group.find("title") is not None for path in group.iter("path")
    )


def test_a_chart_says_in_words_where_its_lines_end() -> None:
    svg = loss_chart([3.0, 1.5, nan]).svg
    assert 'aria-label="g/cycle over steps; at the end: ugatit 1.5"' in svg


def test_charts_are_the_panels_of_the_figures() -> None:
    """A chart has the same lines as `figures.losses` draws for the same curve."""
    curve = Curve(array(range(60), dtype=float), array([float(k % 7) for k in range(60)]))
    with _style.settings():
        axes = _style.blank(charts.WIDTH, charts.HEIGHT).subplots()
        _panels.losses(axes, [("ugatit", curve, STYLE)])
    faint, mean = axes.lines
    (chart,) = charts.loss_charts({"ugatit": {"g/cycle": curve}}, {"ugatit": STYLE})
    widths = re.findall(r'stroke-width="([\d.]+)"', chart.svg)
    assert {str(faint.get_linewidth()), str(mean.get_linewidth())} <= set(widths)
    assert list(mean.get_ydata()) != list(faint.get_ydata())


def test_drawings_hold_no_styles_and_equal_ones_are_equal() -> None:
    first, second = loss_chart([3.0, 1.5]).svg, loss_chart([3.0, 1.5]).svg
    assert first == second and "style" not in first and "<metadata" not in first
    assert "style" not in charts.swatch(STYLE) and "marker" not in charts.swatch(STYLE)


def test_names_in_a_chart_are_escaped_and_their_control_characters_are_visible() -> None:
    curve = Curve(array([0.0, 1.0]), array([1.0, 2.0]))
    label = "<b> & \x1b[2J"
    (chart,) = charts.loss_charts({label: {"g/cycle": curve}}, {label: STYLE})
    assert chart.svg.count("&lt;b&gt; &amp; \\x1b[2J") == 2 and "\x1b" not in chart.svg  # its title and its words


@pytest.mark.parametrize(("current", "end"), [({}, 30), ({"photos": {"testA": "a1", "testB": "b2"}}, 50)])
def test_a_chart_of_scores_is_of_the_current_test_images(
    current: dict[str, dict[Split, str]],
    end: float,
    make_run: Callable[..., Run],
    make_record: Callable[..., ScoreRecord],
) -> None:
    runs = [make_run("ugatit", seed=seed) for seed in (0, 1)]
    records = [
        make_record("kid", "ugatit", value, run=run.id, seed=run.config.seed, step=step, dataset="photos",
                    sources="a1", references=references)
        for run, value, references in zip(runs, (0.1, 0.5), ("b1", "b2"), strict=True)
        for step in (50, 100)
    ]  # fmt: skip
    (chart,) = charts.score_charts(runs, records, current)
    assert f"at the end: ugatit {end}" in chart.svg
