"""metrics.jsonl as curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ugbench.runs.training_log import Curve, Floats

RHO = "rho/"
NO_LOSSES = ("lr/", RHO)  # beginnings of keys that are no loss terms
WIDE = 50.0  # a smoothed term that spans more than this factor gets a logarithmic axis


def smooth(values: Floats, window: int) -> Floats:
    """Centred running mean of finite values over `window` points, fewer at the ends; NaN where none is."""
    ones = np.ones(window)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), ones, mode="same")
    count = np.convolve(known.astype(float), ones, mode="same")
    return np.where(count > 0.5, total / np.maximum(count, 1), np.nan)


def running_mean(curve: Curve) -> Curve:
    """The curve's mean over a twentieth of its points, as figures show it beside or in place of the points."""
    return Curve(curve.steps, smooth(curve.values, max(1, len(curve.values) // 20)))


def thinned(curve: Curve, most: int) -> Curve:
    """At most `most` >= 2 of the curve's points, evenly spread, the first and the last among them."""
    if len(curve.steps) <= most:
        return curve
    places = np.linspace(0, len(curve.steps) - 1, most).round().astype(int)
    return Curve(curve.steps[places], curve.values[places])


def loss_terms(logged: Iterable[Mapping[str, Curve]]) -> list[str]:
    """Every loss term, those of a phase together, phases and terms in the order of their first appearance."""
    keys = dict.fromkeys(key for curves in logged for key in curves if not key.startswith(NO_LOSSES))
    phases = list(dict.fromkeys(key.rpartition("/")[0] for key in keys))
    return sorted(keys, key=lambda key: phases.index(key.rpartition("/")[0]))


def short_term(term: str, letters: int) -> str:
    """`<phase>/<term>`, a phase of several groups by its first alone where that is over so many letters."""
    phase, _, name = term.rpartition("/")
    first, several, _ = phase.partition("+")
    return f"{first}+…/{name}" if several and len(term) > letters else term


def rho_by_network(curves: Mapping[str, Curve]) -> dict[str, dict[str, Curve]]:
    """Curves by network and layer, from keys `rho/<network>.<layer>`; without a dot the network is ''."""
    found: dict[str, dict[str, Curve]] = {}
    for key, curve in curves.items():
        if key.startswith(RHO):
            network, dot, layer = key.removeprefix(RHO).partition(".")
            found.setdefault(network if dot else "", {})[layer if dot else network] = curve
    return found
