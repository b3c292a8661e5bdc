"""How often the intervals of `ugbench table --votes` contain the true value, for simulated raters.

    python benchmarks/preferences.py                   takes minutes on one core
    python benchmarks/preferences.py --draws 200       takes less time, for a first impression

A rater chooses the method with the highest utility on an image. The utility is a sum: a constant of the method, an
effect of this rater on the method, an effect of this image on the method, and Gumbel noise (so without the two effects
choices are multinomial). The true value is the share over the populations of raters and images; it is computed from two
million votes of which no two share a rater or an image.
"""

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
    """A study: numbers of raters, of images and of votes per rater; standard deviations of the effects on a utility."""

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
    """The share of each method over the populations of raters and images, (methods,)."""
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
    """For each case and method the coverage of the interval, and that of Wilson's interval for independent votes."""
    rows = []
    for case in cases:
        random, true_shares = np.random.default_rng([int(10 * number) for number in case]), truth(case)
        covered, independent, width = np.zeros((3, len(UTILITIES)))
        for _ in range(draws):
            result = preferences(draw(case, random), len(UTILITIES))
            for method, share in enumerate(result.shares):
                assert share.low is not None and share.high is not None  # there are votes
                covered[method] += share.low <= true_shares[method] <= share.high
                width[method] += share.high - share.low
                independent[method] += _wilson_covers(share, result.votes, true_shares[method])
        means = {"coverage": covered / draws, "independent": independent / draws, "width": width / draws}
        rows.append(
            {**case._asdict(), "truth": true_shares.tolist(), **{key: values.tolist() for key, values in means.items()}}
        )
    return rows


def _wilson_covers(share: Share, votes: int, true_share: float) -> bool:
    interval = stats.binomtest(share.votes, votes).proportion_ci(0.95, "wilson")
    return bool(interval.low <= true_share <= interval.high)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
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
    """Print the table, and write the numbers to the file that --output names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = simulate(options.draws, CASES)
    print(table(rows))
    if options.output is not None:
        options.output.write_text(json.dumps({"draws": options.draws, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
