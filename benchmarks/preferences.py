"""How often the intervals of `ugbench table --votes` hold the truth, on simulated raters.

    python benchmarks/preferences.py                   minutes on one core
    python benchmarks/preferences.py --draws 200       a first look

A rater chooses the method with the highest utility on an image: the method's own, plus what this rater thinks of it
everywhere, plus how well it does on this image, plus chance (Gumbel noise, so that without the two effects choices
are multinomial). The truth is the share over all raters and images that there could be, from two million
votes of which no two share a rater or an image.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from ugbench.statistics.preferences import Share, Vote, preferences

UTILITIES = (1.5, 0.8, 0.0, -2.0)


class Case(NamedTuple):
    """A study: how many raters, images and votes a rater, and the sd of what raters and images add to a utility."""

    raters: int
    images: int
    votes: int
    rater_sd: float
    image_sd: float


CASES = (
    Case(5, 20, 20, 1.0, 1.0),
    Case(10, 30, 30, 1.0, 1.0),
    Case(20, 50, 50, 1.0, 1.0),
    Case(20, 50, 15, 1.0, 1.0),
    Case(20, 50, 50, 1.5, 0.3),
    Case(20, 50, 50, 0.3, 1.5),
    Case(8, 100, 25, 0.7, 0.7),
    Case(20, 50, 50, 0.0, 0.0),
    Case(3, 30, 30, 1.0, 1.0),
)


def truth(case: Case, votes: int = 2_000_000) -> np.ndarray:
    """Each method's share over all raters and images."""
    random = np.random.default_rng(1)
    sd = np.hypot(case.rater_sd, case.image_sd)
    counts: np.ndarray = np.zeros(len(UTILITIES))
    for _ in range(10):
        utility = UTILITIES + sd * random.normal(size=(votes // 10, len(UTILITIES)))
        counts += np.bincount((utility + random.gumbel(size=utility.shape)).argmax(1), minlength=len(UTILITIES))
    shares: np.ndarray = counts / counts.sum()
    return shares


def draw(case: Case, random: np.random.Generator) -> list[Vote]:
    """The votes of one study."""
    shape = (case.raters, case.images, len(UTILITIES))
    utility = UTILITIES + random.gumbel(size=shape)
    utility += case.rater_sd * random.normal(size=(case.raters, 1, len(UTILITIES)))
    utility += case.image_sd * random.normal(size=(1, case.images, len(UTILITIES)))
    choices = utility.argmax(2)
    return [
        Vote(f"{rater:03}", f"{image:03}", int(choices[rater, image]))
        for rater in range(case.raters)
        for image in random.choice(case.images, case.votes, replace=False)
    ]


def simulate(draws: int, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """For each case and method the coverage of the interval and of Wilson's on votes taken as independent."""
    rows = []
    for case in cases:
        random, true = np.random.default_rng([int(10 * number) for number in case]), truth(case)
        held, independent, width = np.zeros((3, len(UTILITIES)))
        for _ in range(draws):
            found = preferences(draw(case, random), len(UTILITIES))
            for place, share in enumerate(found.shares):
                assert share.low is not None and share.high is not None  # there are votes
                held[place] += share.low <= true[place] <= share.high
                width[place] += share.high - share.low
                independent[place] += _wilson_holds(share, found.votes, true[place])
        means = {"coverage": held / draws, "independent": independent / draws, "width": width / draws}
        rows.append({**case._asdict(), "truth": true.tolist(), **{key: one.tolist() for key, one in means.items()}})
    return rows


def _wilson_holds(share: Share, n: int, true: float) -> bool:
    interval = stats.binomtest(share.votes, n).proportion_ci(0.95, "wilson")
    return bool(interval.low <= true <= interval.high)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| raters | images | votes a rater | sd of raters, images | interval | as independent votes | width, points |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        names = ("coverage", "independent")
        ranges = [f"{100 * min(row[name]):.1f} to {100 * max(row[name]):.1f} %" for name in names]
        widths = f"{100 * min(row['width']):.0f} to {100 * max(row['width']):.0f}"
        sds = f"{row['rater_sd']}, {row['image_sd']}"
        cells = [row["raters"], row["images"], row["votes"], sds, *ranges, widths]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and write the figures where --output says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    rows = simulate(given.draws, CASES)
    print(table(rows))
    if given.output is not None:
        given.output.write_text(json.dumps({"draws": given.draws, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
