"""Logged values over training steps as curves: which are losses, which are rho, and how they are smoothed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ugbench.figures._text import shortened
from ugbench.runs.training_log import Curve, Floats

RHO = "rho/"
NOT_LOSSES = ("lr/", RHO)  # prefixes of logged keys that are not loss terms
WIDE = 50.0  # a smoothed term that spans more than this factor gets a logarithmic axis


def smooth(values: Floats, window: int) -> Floats:
    """Centred running mean of the finite values over `window` points, fewer at the ends; NaN where none is finite."""
    ones = np.ones(window)
    finite = np.isfinite(values)
    total = np.convolve(np.where(finite, values, 0.0), ones, mode="same")
    count = np.convolve(finite.astype(float), ones, mode="same")
    return np.where(count > 0.5, total / np.maximum(count, 1), np.nan)


def running_mean(curve: Curve) -> Curve:
    """The running mean of the curve over a twentieth of its points."""
    return Curve(curve.steps, smooth(curve.values, max(1, len(curve.values) // 20)))


def thinned(curve: Curve, most: int) -> Curve:
    """At most `most` >= 2 points of the curve, evenly spread, with the first and the last."""
    if len(curve.steps) <= most:
        return curve
    indices = np.linspace(0, len(curve.steps) - 1, most).round().astype(int)
    return Curve(curve.steps[indices], curve.values[indices])


def loss_terms(logs: Iterable[Mapping[str, Curve]]) -> list[str]:
    """Every loss term of these logs. Terms of one phase stand together, in the order of their first appearance."""
    keys = dict.fromkeys(key for curves in logs for key in curves if not key.startswith(NOT_LOSSES))
    phases = list(dict.fromkeys(key.rpartition("/")[0] for key in keys))
    return sorted(keys, key=lambda key: phases.index(key.rpartition("/")[0]))


def short_term(term: str, letters: int) -> str:
    """`<phase>/<term>` in at most `letters` letters.

    If it is longer, a phase of several groups is named by its first group; if it is still longer, its middle is left
    out.
    """
    phase, _, name = term.rpartition("/")
    first, plus, _ = phase.partition("+")
    return shortened(f"{first}+…/{name}" if plus and len(term) > letters else term, letters)


def rho_by_network(curves: Mapping[str, Curve]) -> dict[str, dict[str, Curve]]:
    """The rho curves by network and layer, from keys `rho/<network>.<layer>`; a key without a dot has network ''."""
    networks: dict[str, dict[str, Curve]] = {}
    for key, curve in curves.items():
        if key.startswith(RHO):
            network, dot, layer = key.removeprefix(RHO).partition(".")
            networks.setdefault(network if dot else "", {})[layer if dot else network] = curve
    return networks
