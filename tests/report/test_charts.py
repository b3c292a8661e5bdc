"""The page's charts: curves as paths, gaps and axes."""

from __future__ import annotations

import re

from numpy import array, nan

from ugbench.figures import _style
from ugbench.report import charts
from ugbench.runs.training_log import Curve


def test_a_value_that_is_not_finite_is_a_gap_and_a_wide_range_is_logarithmic() -> None:
    flat = charts.make_panel("x", {"one": Curve(array([0.0, 1, 2, 3]), array([1.0, nan, 1, 1]))})
    assert flat.lines[0].path.count("M") == 2
    wide = charts.make_panel("x", {"one": Curve(array([0.0, 1]), array([1e-4, 1.0]))})
    assert {"0.001", "0.01", "0.1"} & {text for _, text in wide.y_ticks}
    long = charts.make_panel("x", {"one": Curve(array(range(5000), float), array(range(5000), float))})
    assert long.lines[0].path.count("L") == charts.POINTS - 1
    assert long.lines[0].path.endswith(f"{charts.WIDTH:.1f} {charts.HEIGHT * (1 - 1.04 / 1.08):.1f}")


def test_lines_carry_a_few_marks_between_those_of_the_others() -> None:
    steps = array(range(100), float)
    first, second = charts.make_panel("x", {name: Curve(steps, steps) for name in ("one", "two")}).lines
    at = [[point.x for point in line.points] for line in (first, second)]
    assert [len(places) for places in at] == [4, 4]
    assert at[0][0] == 0 and all(x < later for x, later in zip(*at, strict=True))


def test_markers_are_paths_as_wide_as_they_should_be() -> None:
    for name in _style.MARKERS:
        numbers = [abs(float(text)) for text in re.findall(r"-?[\d.]+", charts.marker_path(name))]
        assert 0.6 * charts.RADIUS < max(numbers) <= 1.5 * charts.RADIUS
    assert charts.marker_path("s") == "M-3.00 3.00 3.00 3.00 3.00 -3.00 -3.00 -3.00 -3.00 3.00Z"
