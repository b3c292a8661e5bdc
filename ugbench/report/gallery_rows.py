"""Which test images a gallery shows where there are more than the page can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

IMAGES = 200  # largest number of test images of a gallery by default
CASES = 4  # largest number of best, and of worst, outputs of a run that are shown


class Rows(NamedTuple):
    """The rows of a gallery.

    Attributes:
        stems: of the images, in their order.
        cases: how many of the best, and of the worst, outputs of each run are among them.
        note: a sentence that says which images these are; None where all are shown.
    """

    stems: tuple[str, ...]
    cases: int
    note: str | None


def choose_rows(stems: Sequence[str], ranked: Mapping[str, Sequence[str]], most: int) -> Rows:
    """The best and the worst images of each run, and further ones that are evenly spread over all.

    Where `most` is too small for CASES of each, there are fewer of them.

    Args:
        stems: of all images, in the order in which they are shown.
        ranked: for each run with scores of single images their stems, the best first.
        most: largest number of rows, at least 1.
    """
    if len(stems) <= most:
        return Rows(tuple(stems), CASES, None)
    cases = min(CASES, most // (2 * len(ranked))) if ranked else 0
    chosen = {stem for of_run in ranked.values() for stem in (*of_run[:cases], *of_run[len(of_run) - cases :])}
    chosen &= set(stems)
    others = [stem for stem in stems if stem not in chosen]
    places = np.linspace(0, len(others) - 1, most - len(chosen)).round().astype(int)
    spread = {others[place] for place in places}
    extremes = f"the {cases} best and the {cases} worst of each method, and others " if cases else ""
    note = (
        f"{most:,} of {len(stems):,} images are shown: {extremes}evenly spread over the sorted names; "
        f"`ugbench report --images {len(stems)}` shows all."
    )
    return Rows(tuple(stem for stem in stems if stem in chosen | spread), cases, note)
