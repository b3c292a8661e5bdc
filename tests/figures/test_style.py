"""How lines style: one colour a method whatever else is drawn, shades, dashes and markers of variants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.colors import to_rgb

from ugbench import registry
from ugbench.figures import _style
from ugbench.runs.origin import Origin
from ugbench.runs.run import Run

Make = Callable[..., Run]


def colour(runs: list[Run], label: str) -> str:
    return str(_style.line_styles(runs)[label]["color"])


def test_a_method_has_one_colour_whatever_is_drawn_beside_it(make_run: Make) -> None:
    ugatit, no_cam, cyclegan = make_run("ugatit"), make_run("ugatit", "no-cam"), make_run("cyclegan")
    other = make_run("external", origin=Origin(name="acme", files={}))
    place = list(registry.modules("methods")).index("ugatit")
    for beside in ([], [no_cam], [cyclegan, no_cam], [other], [other, make_run("gone"), cyclegan]):
        assert colour([*beside, ugatit], "ugatit") == _style.PALETTE[place]
        assert colour([*beside, no_cam], "ugatit-no-cam") == colour([no_cam], "ugatit-no-cam")
    assert colour([cyclegan, ugatit], "cyclegan") != _style.PALETTE[place]


def test_tools_from_elsewhere_have_colours_of_their_own_after_the_registered_methods_by_name(make_run: Make) -> None:
    zeta, acme = (make_run("external", origin=Origin(name=name, files={})) for name in ("zeta", "acme"))
    known = len(registry.modules("methods"))
    for runs in ([zeta], [zeta, acme], [make_run("ugatit"), zeta]):
        assert colour(runs, "zeta") == _style.PALETTE[(known + 1) % len(_style.PALETTE)]
    assert colour([acme], "acme") == _style.PALETTE[known % len(_style.PALETTE)]


def test_another_tools_outputs_by_a_methods_name_share_its_colour_in_another_look(make_run: Make) -> None:
    runs = [make_run("cyclegan"), make_run("external", origin=Origin(name="cyclegan", files={}))]
    method, imported = _style.line_styles(runs).values()
    shades = [_style._shade(method["color"], shade) for shade in range(_style.SHADES)]
    assert method["color"] in _style.PALETTE and imported["color"] in shades
    assert method["linestyle"] != imported["linestyle"] and method["marker"] != imported["marker"]


def test_every_variant_has_a_shade_of_its_methods_colour_and_dashes_and_a_marker_that_no_other_has(
    make_run: Make,
) -> None:
    variants = [None, *registry.load_method("ugatit").VARIANTS]
    runs = [make_run("ugatit", variant) for variant in variants]
    styles = _style.line_styles([*runs, make_run("cut")])
    assert list(styles) == ["cut", *(run.config.label for run in runs)]
    of_ugatit = [styles[run.config.label] for run in runs]
    shades = [_style._shade(of_ugatit[0]["color"], shade) for shade in range(_style.SHADES)]
    assert [style["color"] for style in of_ugatit[:3]] == shades and {style["color"] for style in of_ugatit} == set(
        shades
    )
    assert len({(style["linestyle"], style["marker"]) for style in of_ugatit}) == len(variants) == 16
    assert _style.line_styles([runs[9]])[runs[9].config.label] == of_ugatit[9]


def test_shades_of_a_colour_are_told_apart_in_grey() -> None:
    for colour in _style.PALETTE:
        grey = sorted(
            float(np.dot(to_rgb(_style._shade(colour, k)), (0.299, 0.587, 0.114))) for k in range(_style.SHADES)
        )
        assert np.diff(grey).min() > 0.05, colour
    assert len(set(_style.colours())) == _style.SHADES * len(_style.PALETTE)


def test_methods_differ_in_dashes_and_markers_too_and_no_look_comes_twice() -> None:
    bases = [_style._style_at(method, 0) for method in range(8)]
    for part in ("color", "linestyle", "marker"):
        assert len({style[part] for style in bases}) == 8
    styles = [tuple(_style._style_at(method, place).values()) for method in range(32) for place in range(24)]
    assert len(set(styles)) == len(styles)


def test_shades_of_rho_rise_in_lightness_with_depth() -> None:
    light, dark = (np.array([to_rgb(shade) for shade in _style.sequential_colours(10, dark)]) for dark in (False, True))
    lightness = [rgb @ [0.299, 0.587, 0.114] for rgb in (light, dark)]
    assert all((np.diff(values) > 0).all() for values in lightness)
    assert lightness[0].max() < 0.75 and lightness[1].min() > 0.3  # seen on white, and on black
    assert len(_style.sequential_colours(1)) == 1
